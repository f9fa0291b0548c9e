/* The long form: event picker, and the footer that says what is left to do. */
import { all, fill } from "./dom.js";

// Without accents and capitals, full width as half width: what people type differs from what is written.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

for (const picker of all("[data-picker]")) {
  const boxes = all("[name=selected_events]", picker);
  const groupsOf = (box) => box.closest("[data-group]").dataset.group;
  const membersOf = (name) =>
    boxes.filter((box) => groupsOf(box) === name || groupsOf(box).startsWith(`${name}-`));
  const names = [...new Set(all("[data-tri]", picker).map((tri) => tri.dataset.tri))];
  const members = new Map(names.map((name) => [name, membersOf(name)]));
  // A group's key begins with its section's; “subscription” must not swallow “subscription-group” of another section.
  for (const fieldset of all("[data-group]", picker)) {
    members.set(fieldset.dataset.group, all("[name=selected_events]", fieldset));
  }

  const count = () => {
    for (const [name, inside] of members) {
      const chosen = inside.filter((box) => box.checked).length;
      for (const tri of all(`[data-tri="${name}"]`, picker)) {
        tri.checked = chosen === inside.length;
        tri.indeterminate = chosen > 0 && chosen < inside.length;
      }
      for (const tally of all(`[data-tally="${name}"] .tally, [data-group="${name}"] .tally`, picker)) {
        tally.replaceChildren(Object.assign(document.createElement("b"), { textContent: chosen }), `/${inside.length}`);
      }
    }
    picker.dispatchEvent(new CustomEvent("counted", { bubbles: true }));
  };
  picker.addEventListener("change", (event) => {
    const name = event.target.dataset.tri;
    if (name) members.get(name).forEach((box) => { box.checked = event.target.checked; });
    if (name || event.target.name === "selected_events") count();
  });
  picker.addEventListener("click", (event) => {
    const preset = event.target.closest("[data-preset]");
    if (preset) {
      // While somebody searches, a choice is about what the search shows.
      const searched = search.value.trim() !== "";
      boxes.filter((box) => !searched || !box.closest("[data-event]").hidden).forEach((box) => {
        box.checked = preset.dataset.preset === "all" || box.hasAttribute(`data-${preset.dataset.preset}`);
      });
      count();
    }
    const jump = event.target.closest("[data-jump]");
    if (jump) {
      event.preventDefault();
      document.getElementById("pane").scrollTop = document.getElementById(jump.hash.slice(1)).offsetTop - 34;
    }
  });

  const search = picker.querySelector("[data-search]");
  search.addEventListener("input", () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of all("[data-event]", picker)) {
      const text = (row.plainText ??= plain(row.dataset.searchText));
      row.hidden = !words.every((word) => text.includes(word));
      found += row.hidden ? 0 : 1;
    }
    for (const group of all("[data-group]", picker)) {
      group.hidden = !group.querySelector("[data-event]:not([hidden])");
      picker.querySelector(`[data-tally="${group.dataset.group}"]`).classList.toggle("dim", group.hidden);
    }
    picker.querySelector("[data-no-match]").hidden = found > 0;
    document.getElementById("pane").scrollTop = 0;
  });
  // One tab stop a list and a group; arrow keys do the rest.
  const stops = () => {
    const heads = all(".picker-groups [data-tri]", picker);
    all(".picker-groups a, .group-head [data-tri], [data-event] summary", picker)
      .forEach((one) => { one.tabIndex = -1; });
    heads.forEach((one, place) => { one.tabIndex = place ? -1 : 0; });
    for (const group of all("[data-group]", picker)) {
      const shown = all("[data-event]:not([hidden]) [name=selected_events]", group);
      shown.forEach((box, place) => { box.tabIndex = place ? -1 : 0; });
    }
  };
  picker.addEventListener("focusin", (event) => {
    const list = event.target.closest("[data-group]") || event.target.closest(".picker-groups");
    if (!list || !event.target.matches("input")) return;
    all("input", list).forEach((one) => { one.tabIndex = one === event.target ? 0 : -1; });
    if (list.matches("[data-group]")) all(".group-head input", list).forEach((one) => { one.tabIndex = -1; });
  });
  picker.addEventListener("keydown", (event) => {
    const head = event.target.closest(".picker-groups input");
    if (!head || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const heads = all(".picker-groups [data-tri]", picker);
    const next = heads[heads.indexOf(head) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  });
  search.addEventListener("input", stops);
  stops();
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) {
      event.preventDefault();
      search.focus();
    }
    if (event.target === search && event.key === "Enter") event.preventDefault();
    if (event.target === search && event.key === "Escape" && search.value) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    }
    const row = event.target.closest && event.target.closest("[data-event]");
    const from = row || event.target === search;
    if (!from || !picker.contains(event.target)) return;
    const fold = row && row.querySelector("details");
    if (row && event.key === "ArrowRight") fold.open = true;
    else if (row && event.key === "ArrowLeft") fold.open = false;
    else if (event.key === "ArrowDown" || (row && event.key === "ArrowUp")) {
      const rows = all("[data-event]:not([hidden])", picker).filter((one) => !one.closest("[hidden]"));
      const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.querySelector("input").focus();
      event.preventDefault();
    }
  });

  const pane = document.getElementById("pane");
  const groups = all("[data-group]", picker);
  const here = () => {
    const at = groups.filter((group) => !group.hidden && group.offsetTop - 40 <= pane.scrollTop).pop() || groups[0];
    for (const item of all("li.group", picker)) item.classList.toggle("here", item.dataset.tally === at.dataset.group);
  };
  pane.addEventListener("scroll", here, { passive: true });
  here();
  count();
}

for (const form of all("[data-form]")) {
  const foot = form.querySelector("[data-foot]");
  if (!foot) continue;
  const left = foot.querySelector("[data-left]");
  const chosen = () => all("[name=selected_events]:checked", form).length;
  const wrong = (name) => form.querySelector(`#remarks-${name} .message.bad`);
  const touched = () => all(".message.bad", form).length > 0;

  const unfinished = () => {
    const found = [];
    for (const input of all("[data-needed]", form)) {
      if (!input.value.trim() || wrong(input.name)) found.push([`#id_${input.name}`, input.dataset.label]);
    }
    const region = form.querySelector("[data-needed-radio]");
    if (region && !form.querySelector("[name=region]:checked")) found.push(["#id_region_us", region.dataset.label]);
    const picker = form.querySelector("[data-picker]");
    if (picker && !chosen()) found.push(["#field-selected_events", picker.dataset.label]);
    return found;
  };
  const refresh = () => {
    const found = unfinished();
    const errors = touched();
    const total = all("[name=selected_events]", form).length;
    const number = foot.querySelector("[data-chosen]");
    if (number) number.textContent = number.textContent.replace(/\d+/, chosen()).replace(/\d+(?=\D*$)/, total);
    left.replaceChildren();
    if (found.length) {
      const line = Object.assign(document.createElement("p"), { className: errors ? "to-fix" : "to-fix calm" });
      const say = errors ? (found.length === 1 ? foot.dataset.one : foot.dataset.many) : foot.dataset.missing;
      line.append(fill(say, { n: found.length }));
      for (const [to, label] of found) {
        line.append(Object.assign(document.createElement("a"), { href: to, textContent: label }));
      }
      left.append(line);
    }
    if (form.hasAttribute("data-edits")) summarize();
  };
  const summarize = () => {
    const place = foot.querySelector("[data-change]");
    const words = place.dataset;
    const boxes = all("[name=selected_events]", form);
    const added = boxes.filter((box) => box.checked && !box.hasAttribute("data-standing")).length;
    const removed = boxes.filter((box) => !box.checked && box.hasAttribute("data-standing")).length;
    const fields = all("[data-was]", form).filter((input) => input.type === "checkbox"
      ? input.checked !== (input.dataset.was === "yes") : input.value !== input.dataset.was);
    const parts = [];
    if (added) parts.push(fill(words.added, { n: added }));
    if (removed) parts.push(fill(words.removed, { n: removed }));
    const labels = fields.map((input) => input.dataset.label).join(", ");
    if (fields.length) parts.push(fill(words.fields, { fields: labels }));
    place.textContent = parts.length ? `${parts.join(", ")}; ${words.effect}` : words.none;
  };
  left.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const target = link && document.querySelector(link.hash);
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: "center" });
    (target.matches("input") ? target : target.querySelector("input")).focus({ preventScroll: true });
  });
  form.addEventListener("input", refresh);
  form.addEventListener("change", refresh);
  form.addEventListener("counted", refresh);
  form.addEventListener("htmx:afterSettle", refresh);
  refresh();
}
