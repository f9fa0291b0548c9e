/* What the pages need beyond HTML and htmx. Everything works without it; this makes it quicker.
   A module; `htmx` and `Idiomorph` are globals of the two libraries' own scripts, loaded before it. */
import { all, fill } from "./dom.js";
import "./draft.js";

/* --- Times are told in this browser's zone, which the server learns from a cookie ---------------------------- */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`zone=${zone}`)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
}

/* --- Sentences for what went wrong behind the page, from templates so that they are translated --------------- */
function say(name) {
  const template = document.getElementById(`say-${name}`);
  const toasts = document.getElementById("toasts");
  if (!template || !toasts || toasts.querySelector(`[data-said="${name}"]`)) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.dataset.said = name;
  toasts.append(toast);
}
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  say(status === 403 ? "forbidden" : status === 404 ? "gone" : "failed");
});
document.addEventListener("htmx:sendError", () => say("offline"));
document.addEventListener("htmx:timeout", () => say("offline"));
const ledToSignIn = (xhr) => new URL(xhr.responseURL || location.href, location.href).pathname.startsWith("/accounts/");
document.addEventListener("htmx:beforeSwap", (event) => {
  if (ledToSignIn(event.detail.xhr)) {
    event.detail.shouldSwap = false;
    say("signed-out");
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) all('[data-said="offline"], [data-said="failed"]').forEach((toast) => toast.remove());
});

/* --- Quiet swap: numbers change in place; focus, selection, scroll and what is unfolded stay ------------------ */
const staysOpen = (name, node) => !(name === "open" && node.matches("details, dialog"));
htmx.defineExtension("quiet", {
  isInlineSwap: (style) => style === "quiet",
  handleSwap: (style, target, fragment) => {
    if (style !== "quiet") return false;
    Idiomorph.morph(target, fragment.childNodes, {
      morphStyle: "innerHTML",
      ignoreActiveValue: true,
      callbacks: { beforeAttributeUpdated: staysOpen },
    });
    return [target];
  },
});

/* --- Pages that refresh themselves: not while hidden, and one request at a time ------------------------------- */
for (const live of all("[data-live]")) {
  const tick = () => {
    if (!document.hidden && !live.classList.contains("htmx-request")) htmx.trigger(live, "tick");
  };
  setInterval(tick, Number(live.dataset.live) * 1000);
  document.addEventListener("visibilitychange", tick);
}

/* --- How old the numbers of such a page are ------------------------------------------------------------------- */
const updated = document.querySelector("[data-updated]");
if (updated && document.querySelector("main [data-live]")) {
  let at = Date.now();
  document.addEventListener("htmx:afterRequest", ({ detail: { successful, elt, xhr } }) => {
    if (successful && elt.matches("main [data-live]") && !ledToSignIn(xhr)) at = Date.now();
  });
  setInterval(() => {
    const seconds = Math.floor((Date.now() - at) / 1000);
    const { dataset } = updated;
    updated.textContent = seconds < 60
      ? fill(dataset.seconds, { n: seconds }) : fill(dataset.minutes, { n: Math.floor(seconds / 60) });
  }, 1000);
}

/* --- The sidebar behind the menu button of narrow screens: focus goes into it, and back when it closes --------- */
const toggle = document.getElementById("menu-toggle");
const sidebar = document.querySelector(".sidebar");
function leaveMenu() {
  if (!toggle || !toggle.checked) return;
  toggle.checked = false;
  toggle.focus();
}
if (toggle) toggle.addEventListener("change", () => (toggle.checked ? sidebar.querySelector("a") : toggle).focus());

/* --- Dialogs, menus, toasts, small buttons -------------------------------------------------------------------- */
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "ask") return;
  const dialog = event.detail.target;
  if (!dialog.open) dialog.showModal();
  const first = dialog.querySelector("input:not([type=hidden])");
  if (first) first.focus();
});
const ACTIONS = {
  close: (button) => button.closest(".toast").remove(),
  dismiss: (link, event) => {
    const dialog = link.closest("dialog");
    if (dialog) {
      event.preventDefault();
      dialog.close();
    }
  },
  copy: async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    const words = label.dataset.words || label.textContent;
    try {
      await navigator.clipboard.writeText(source.value || source.innerText.trim());
      label.dataset.words = words;
      label.textContent = button.dataset.copied;
      setTimeout(() => { label.textContent = words; }, 2000);
    } catch {
      // Without a secure context there is no clipboard: the text is selected for the keyboard.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
    }
  },
  show: (button) => {
    const input = document.getElementById(button.dataset.show);
    const label = button.querySelector("[data-shown]");
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    button.setAttribute("aria-pressed", String(hidden));
    [label.textContent, label.dataset.shown] = [label.dataset.shown, label.textContent];
  },
};
/* What went well leaves by itself, unless somebody is at it; what went wrong stays until it is closed. */
const TOAST_SECONDS = 8;
setInterval(() => {
  for (const toast of all(".toast:not(.bad)")) {
    toast.dataset.age = Number(toast.dataset.age || 0) + 1;
    if (Number(toast.dataset.age) >= TOAST_SECONDS && !toast.matches(":hover, :focus-within")) toast.remove();
  }
}, 1000);
document.addEventListener("click", (event) => {
  for (const [name, act] of Object.entries(ACTIONS)) {
    const source = event.target.closest(`[data-${name}]`);
    if (source) act(source, event);
  }
  if (event.target.closest('[aria-disabled="true"]')) event.preventDefault();
  for (const menu of all("details.menu-host[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of all("details.menu-host[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  leaveMenu();
});
/* A form's buttons, also those that stand elsewhere on the page. */
const submits = (form) => [...form.elements].filter((one) => one.matches("button[type=submit]"));
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  if (form.method !== "post") return undefined;
  form.dataset.sent = "yes";
  submits(form).forEach((button) => button.classList.add("busy"));
  return undefined;
});
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    submits(form).forEach((button) => button.classList.remove("busy"));
  }
});
for (const filters of all("[data-filters]")) {
  filters.addEventListener("change", (event) => event.target.matches("select") && filters.requestSubmit());
}
document.addEventListener("focusin", (event) => {
  if (toggle && toggle.checked && event.target.closest("main")) toggle.checked = false;
});
