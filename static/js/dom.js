/* Small tools of all modules. */

/** Every element that fits, as an array. */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A sentence of the page with its `{name}`s filled in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const plural = new Intl.PluralRules(document.documentElement.lang);
const number = new Intl.NumberFormat(document.documentElement.lang);

/** The sentence for so many: `data-added-one` or `data-added-other` of an element, as its language counts. */
export const counted = ({ dataset }, name, n, more = {}) => {
  const form = plural.select(n) === "one" ? "One" : "Other";
  return fill(dataset[`${name}${form}`], { n: number.format(n), ...more });
};
