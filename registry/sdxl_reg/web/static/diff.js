// Captions before and after, word by word.

/** A caption with what was removed and added in it, from the parts that the API gives. */
export function caption(parts) {
  const line = made("span", { class: "diff" });
  const names = { same: "span", removed: "del", added: "ins" };
  line.append(...parts.map((part) => made(names[part.kind], {}, part.text)));
  return line;
}

/** What would become of some captions. */
export function examples(found) {
  const rows = found.map((one) => made("li", {}, made("span", { class: "path" }, one.path), caption(one.diff)));
  return made("ul", { class: "examples" }, ...rows);
}
