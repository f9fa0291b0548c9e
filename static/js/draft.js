/* Drafts of the long forms: what somebody typed stays in this tab until it was taken, though their session ends or the
   page is left. Kept in `sessionStorage` under the person and the page; a key or password never is. */
import { all } from "./dom.js";

const PREFIX = "draft:";
const entries = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX))
  .map((key) => [key, JSON.parse(sessionStorage.getItem(key))]);
const put = (key, draft) => sessionStorage.setItem(key, JSON.stringify(draft));

// A form that was sent was taken where it led to a page that says so; it was not where it led to the sign-in.
const came = document.referrer && new URL(document.referrer).pathname;
for (const [key, { path, sent }] of entries()) {
  const elsewhere = location.pathname !== path && !location.pathname.startsWith("/accounts/");
  if (sent && came === path && elsewhere && document.querySelector(".toast:not(.bad)")) sessionStorage.removeItem(key);
}

for (const form of all("form[data-draft]")) {
  const key = `${PREFIX}${form.dataset.draft}:${location.pathname}`;
  const note = document.getElementById("draft-note");
  // A key that is shown is no password field any more.
  const fields = () => [...form.elements].filter((one) => one.name && one.name !== "csrfmiddlewaretoken"
    && !("key" in one.dataset) && !["password", "submit", "button", "file"].includes(one.type));
  const chooses = (one) => ["checkbox", "radio"].includes(one.type);
  const values = () => fields().filter((one) => !chooses(one) || one.checked).map((one) => [one.name, one.value]);
  const text = (pairs) => JSON.stringify(pairs);

  const asMade = text(values());
  const unsaved = form.hasAttribute("data-unsaved");
  let sending = false;
  const edited = () => unsaved || text(values()) !== asMade;
  const keep = (sent = false) => {
    if (edited()) put(key, { path: location.pathname, sent, values: values() });
    else sessionStorage.removeItem(key);
  };
  const restore = (pairs) => {
    for (const one of fields()) {
      if (chooses(one)) one.checked = pairs.some(([name, value]) => name === one.name && value === one.value);
      else {
        const found = pairs.find(([name]) => name === one.name);
        if (found) [, one.value] = found;
      }
    }
  };

  // Of this person's tab only: who else signs in here starts afresh.
  for (const [other] of entries()) {
    if (!other.startsWith(`${PREFIX}${form.dataset.draft}:`)) sessionStorage.removeItem(other);
  }
  const found = entries().find(([other]) => other === key)?.[1];
  if (found && !unsaved && text(found.values) !== asMade) {
    restore(found.values);
    note.hidden = false;
  }
  note.querySelector("button").addEventListener("click", () => {
    sessionStorage.removeItem(key);
    sending = true;
    location.reload();
  });
  form.addEventListener("input", () => keep());
  form.addEventListener("change", () => keep());
  form.addEventListener("counted", () => keep());
  form.addEventListener("submit", () => {
    sending = true;
    keep(true);
  });
  addEventListener("beforeunload", (event) => {
    if (!sending && edited()) event.preventDefault();
  });
  // Back to a page the browser kept as it was: the server says what stands now.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
