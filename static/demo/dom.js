/** Making nodes: text always goes in as text, so nothing that a message holds can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with a class, attributes and children (nodes or texts; nothing for null). */
export function el(name, {cls, ...attributes} = {}, ...children) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  for (const [key, value] of Object.entries(attributes)) if (value != null) node.setAttribute(key, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

function drawing(cls, href, viewBox) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", cls);
  if (viewBox) svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", href);
  svg.append(use);
  return svg;
}

/** An icon of the design's sprite. */
export const icon = (name, cls = "") => drawing(`i ${cls}`, `${document.body.dataset.sprite}#${name}`, "0 0 24 24");

/** The drawing of a bicycle model; nothing for a model the shop does not know. */
export function bike(model, cls = "") {
  const option = model && document.getElementById("details-template").content.querySelector(`[value="${CSS.escape(model)}"]`);
  const href = option?.parentElement.querySelector("use").getAttribute("href");
  return href ? drawing(`bike ${cls}`, href) : null;
}

/** The catalogue's name of a model, else the code itself. */
export function bikeName(model) {
  const option = document.getElementById("details-template").content.querySelector(`[value="${CSS.escape(String(model))}"]`);
  return option?.parentElement.querySelector(".name").textContent ?? String(model);
}

/** A copy of what a <template> holds. */
export const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** JSON as coloured text. */
export function json(value) {
  const pre = el("pre", {cls: "cm raw", tabindex: "0"});
  const kinds = {key: "tk-k", string: "tk-s", number: "tk-n"};
  const text = JSON.stringify(value, null, 2);
  let at = 0;
  for (const found of text.matchAll(/(?<key>"(?:[^"\\]|\\.)*")(?=:)|(?<string>"(?:[^"\\]|\\.)*")|(?<number>-?\d[\d.eE+-]*|true|false|null)/g)) {
    const kind = Object.keys(kinds).find((name) => found.groups[name] !== undefined);
    pre.append(text.slice(at, found.index), el("span", {cls: kinds[kind]}, found[0]));
    at = found.index + found[0].length;
  }
  pre.append(text.slice(at));
  return pre;
}

/** The local clock time of an ISO timestamp. */
export const clock = (iso) => new Date(iso).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false});
