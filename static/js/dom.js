/* Small tools of all modules. */

/** Every element that fits, as an array. */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A sentence of the page with its `{name}`s filled in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
