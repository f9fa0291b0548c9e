/* The long form: the footer that says what is left to do. */
import { all, counted, fill } from "./dom.js";

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
  /* What was refused and is right now is no longer called wrong; text fields ask the server. */
  const mend = () => {
    if (form.querySelector("[name=region]:checked")) wrong("region")?.remove();
    if (chosen()) wrong("selected_events")?.remove();
    for (const input of all("[aria-invalid]", form)) if (!wrong(input.name)) input.removeAttribute("aria-invalid");
  };
  const refresh = () => {
    mend();
    const found = unfinished();
    const errors = touched();
    const number = foot.querySelector("[data-chosen]");
    const total = all("[name=selected_events]", form).length;
    if (number) number.textContent = fill(number.dataset.chosen, { n: chosen(), all: total });
    left.replaceChildren();
    if (found.length) {
      const line = Object.assign(document.createElement("p"), { className: errors ? "to-fix" : "to-fix calm" });
      line.append(errors ? counted(foot, "fix", found.length) : foot.dataset.missing);
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
    if (added) parts.push(counted(place, "added", added));
    if (removed) parts.push(counted(place, "removed", removed));
    const labels = fields.map((input) => input.dataset.label).join(words.between);
    if (fields.length) parts.push(counted(place, "fields", fields.length, { fields: labels }));
    place.textContent = parts.length ? `${parts.join(words.between)}; ${words.effect}` : words.none;
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
