// Elements of the page. Text only ever becomes a text node: what a prompt says stays text.

/** An element with attributes (functions are listeners, `style` sets properties) and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key === "style") for (const [rule, to] of Object.entries(value)) made.style.setProperty(rule, to);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function button(label, attributes = {}, ...children) {
  return element("button", { type: "button", class: "gv-button", ...attributes }, ...(children.length ? children : [label]));
}

/** A select of [value, label] pairs. */
function choice(label, pairs, chosen, onchange) {
  const select = element("select", { "aria-label": label, change: (event) => onchange(event.target.value) });
  for (const [value, text] of pairs) {
    select.append(element("option", { value, selected: String(value) === String(chosen) }, text));
  }
  return select;
}

/** An SVG that Python wrote, as nodes of this document. */
function drawing(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  return document.importNode(parsed.documentElement, true);
}

function shortened(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

function written(value) {
  if (value === undefined || value === null) return "—";
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3);
}

function clamped(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Draw a part anew; a control of it that had the focus has it again, by its name or its place. */
function keepingFocus(root, draw) {
  const controls = () => [...root.querySelectorAll("button, select, input")];
  const name = (control) => `${control.tagName} ${control.ariaLabel ?? control.textContent}`;
  const before = controls();
  const number = before.indexOf(document.activeElement);
  const wanted = number < 0 ? "" : name(before[number]);
  draw();
  if (number < 0) return;
  const after = controls();
  (after.find((control) => name(control) === wanted) ?? after[Math.min(number, after.length - 1)])?.focus({ preventScroll: true });
}
