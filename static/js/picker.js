/* The event picker: boxes of three states, buttons, search, keys, and what an event carries. */
import { all } from "./dom.js";

// Without accents and capitals, full width as half width: what people type differs from what is written.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// The boxes that stand for several.
const TRI = ".picker-groups input, .group-head input";

/** The names of fields by the place of the rows that carry them, from `app_id 0-3 5;app_version 4`. */
const fieldsOf = (told, count) => {
  const fields = Array.from({ length: count }, () => []);
  for (const [name, ...runs] of told.split(";").map((one) => one.split(" "))) {
    for (const run of runs) {
      const [first, last = first] = run.split("-").map(Number);
      for (let place = first; place <= last; place += 1) fields[place].push(name);
    }
  }
  return fields;
};

for (const picker of all("[data-picker]")) {
  const pane = document.getElementById("pane");
  const rows = all(".event", picker);
  const boxes = all("[name=selected_events]", picker);
  const groups = all("[data-group]", picker);
  const heads = all(".picker-groups input", picker);
  const search = picker.querySelector("[data-search]");
  const keyOf = (tri) => {
    const { tally, group } = tri.closest("[data-tally], [data-group]").dataset;
    return tally ?? group;
  };
  // A section's key begins those of its groups, a shelf's those of its sections.
  const within = (name) => groups.filter(({ dataset: { group } }) => group === name || group.startsWith(`${name}-`));
  const members = new Map(heads.map(keyOf).map((key) =>
    [key, within(key).flatMap((group) => all("[name=selected_events]", group))]));
  // “subscription” must not swallow “subscription-group” of another section.
  for (const group of groups) members.set(group.dataset.group, all("[name=selected_events]", group));

  /* --- Counting and choosing ------------------------------------------------------------------------------- */
  const count = () => {
    for (const place of all("[data-tally], [data-group]", picker)) {
      const tri = place.querySelector("input");
      const inside = members.get(keyOf(tri));
      const chosen = inside.filter((box) => box.checked).length;
      tri.checked = chosen === inside.length;
      tri.indeterminate = chosen > 0 && chosen < inside.length;
      const number = Object.assign(document.createElement("b"), { textContent: chosen });
      place.querySelector(".tally").replaceChildren(number, `/${inside.length}`);
    }
    picker.dispatchEvent(new CustomEvent("counted", { bubbles: true }));
  };
  const choose = (preset) => {
    // While somebody searches, a choice is about what the search shows.
    const searched = search.value.trim() !== "";
    boxes.filter((box) => !searched || !box.closest(".event").hidden).forEach((box) => {
      box.checked = preset === "all" || box.closest(`[data-presets~="${preset}"]`) !== null;
    });
    count();
  };
  picker.addEventListener("change", ({ target }) => {
    if (target.matches(TRI)) members.get(keyOf(target)).forEach((box) => { box.checked = target.checked; });
    if (target.matches(TRI) || target.name === "selected_events") count();
  });

  /* --- What an event carries, unfolded in place ------------------------------------------------------------ */
  const unfold = (row, open) => {
    const link = row.querySelector(".unfold");
    let fold = row.querySelector(".fold");
    if (!fold && open) {
      fold = row.appendChild(Object.assign(document.createElement("div"), { className: "fold" }));
      htmx.ajax("GET", link.href, { target: fold, swap: "innerHTML" });
    }
    if (fold) fold.hidden = !open;
    link.setAttribute("aria-expanded", open);
  };
  for (const link of all(".unfold", picker)) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
  }
  const turn = (link) => unfold(link.closest(".event"), link.getAttribute("aria-expanded") !== "true");

  picker.addEventListener("click", (event) => {
    const preset = event.target.closest("[data-preset]");
    if (preset) choose(preset.dataset.preset);
    const link = event.target.closest(".unfold");
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (link && !elsewhere) {
      event.preventDefault();
      turn(link);
    }
    const jump = event.target.closest(".picker-groups a");
    if (jump) {
      event.preventDefault();
      const name = jump.hash.slice(1);
      const to = picker.querySelector(`[data-group="${name}"]`) ?? document.getElementById(`shelf-${name}`);
      pane.scrollTop = to.offsetTop - 34;
    }
  });

  /* --- Search ---------------------------------------------------------------------------------------------- */
  let texts = null;
  const readRows = () => {
    const fields = fieldsOf(picker.querySelector("[data-fields]").dataset.fields, rows.length);
    return rows.map((row, place) => {
      const group = row.closest("[data-group]");
      const said = [row.querySelector("label"), row.querySelector(".becomes"), group.querySelector("legend")];
      const told = [boxes[place].value, row.dataset.words, group.dataset.words, ...fields[place]];
      return plain([...said.map((one) => one.textContent), ...told].join(" "));
    });
  };
  const find = () => {
    texts ??= readRows();
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    rows.forEach((row, place) => { row.hidden = !words.every((word) => texts[place].includes(word)); });
    for (const group of groups) {
      group.hidden = !group.querySelector(".event:not([hidden])");
      picker.querySelector(`[data-tally="${group.dataset.group}"]`).classList.toggle("dim", group.hidden);
    }
    picker.querySelector("[data-no-match]").hidden = rows.some((row) => !row.hidden);
    pane.scrollTop = 0;
    stops();
  };
  search.addEventListener("input", find);

  /* --- Keys: one tab stop for the sections and one for the events, arrow keys do the rest ------------------------- */
  const stops = () => {
    all(".picker-groups a, .group-head input, .unfold", picker).forEach((one) => { one.tabIndex = -1; });
    heads.forEach((one, place) => { one.tabIndex = place ? -1 : 0; });
    const first = boxes.find((box) => !box.closest(".event").hidden);
    boxes.forEach((box) => { box.tabIndex = box === first ? 0 : -1; });
  };
  const step = (list, from, key) => list[list.indexOf(from) + (key === "ArrowDown" ? 1 : -1)];
  picker.addEventListener("focusin", (event) => {
    const list = [heads, boxes].find((one) => one.includes(event.target)) ?? [];
    list.forEach((one) => { one.tabIndex = one === event.target ? 0 : -1; });
  });
  picker.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const upOrDown = key === "ArrowDown" || key === "ArrowUp";
    const row = target.closest(".event");
    if (target === search && key === "Enter") event.preventDefault();
    else if (target === search && key === "Escape" && search.value) {
      search.value = "";
      find();
    } else if (key === " " && target.matches(".unfold")) {
      event.preventDefault();
      turn(target);
    } else if (row && (key === "ArrowRight" || key === "ArrowLeft")) unfold(row, key === "ArrowRight");
    else if (upOrDown && target.matches(".picker-groups input")) {
      step(heads, target, key)?.focus();
      event.preventDefault();
    } else if (upOrDown && (row || (target === search && key === "ArrowDown"))) {
      const shown = rows.filter((one) => !one.hidden);
      step(shown, row, key)?.querySelector("input").focus();
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
    if (event.key === "/" && !writing) {
      event.preventDefault();
      search.focus();
    }
  });

  const here = () => {
    const above = groups.filter((group) => !group.hidden && group.offsetTop - 40 <= pane.scrollTop);
    const { group } = (above.pop() ?? groups[0]).dataset;
    for (const item of all("li.group", picker)) item.classList.toggle("here", item.dataset.tally === group);
  };
  pane.addEventListener("scroll", here, { passive: true });
  stops();
  here();
  count();
}
