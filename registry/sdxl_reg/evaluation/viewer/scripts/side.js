// Beside the grid: the current cell with everything that determined it.

class Side {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("aside", { class: "gv-side", "aria-label": "The current cell" });
  }

  show() {
    const { grid, state } = this.viewer;
    const index = grid.indexAt(state.at);
    const cell = grid.cells[index];
    if (!cell) {
      this.root.replaceChildren(element("p", { class: "gv-soft" }, "Nothing is planned at this place."));
      return;
    }
    this.root.replaceChildren(...[this.picture(cell), this.actions(cell, index), factsOf(grid, cell), this.references(cell)].filter(Boolean));
  }

  picture(cell) {
    const { grid } = this.viewer;
    const url = grid.url(cell);
    const heading = element("h2", {}, grid.place(cell, [this.viewer.state.rows, this.viewer.state.columns]));
    const pick = grid.isPicked(cell) ? element("p", { class: "gv-pick-reason" }, element("b", {}, "The pick. "), grid.data.pick.reason) : null;
    if (!url) {
      const said = cell.state === "failed" ? element("p", { class: "gv-fault" }, element("b", {}, "Failed. "), cell.reason) : element("p", { class: "gv-soft" }, "Not drawn yet.");
      return element("div", {}, heading, said, pick);
    }
    const open = element("button", { type: "button", class: "gv-large", "aria-label": "Open this picture (Enter)", click: () => this.viewer.open("one") });
    open.append(element("img", { src: url, alt: grid.prompt(cell), decoding: "async" }));
    return element("div", {}, heading, open, pick);
  }

  actions(cell, index) {
    const { viewer } = this;
    const marked = index === viewer.state.a || index === viewer.state.b;
    return element(
      "div",
      { class: "gv-actions" },
      button(marked ? "Unmark" : "Mark to compare", { click: () => viewer.mark(), title: "c" }),
      button("Copy parameters", { click: (event) => copied(event.target, parametersOf(viewer.grid, cell)), title: "Prompt and settings, as A1111 reads them" }),
      button("Copy link", { click: (event) => copied(event.target, linkTo(cell)) }),
      viewer.actions(cell, viewer.grid),
    );
  }

  references(cell) {
    const { grid } = this.viewer;
    const references = grid.data.panels[cell.panel].references;
    if (!references.length) return null;
    const pictures = references.map((number, place) => element("img", { src: grid.data.pictures[number], alt: `Picture ${place + 1} of the set`, loading: "lazy" }));
    return element("section", { class: "gv-references" }, element("h3", {}, "From the set"), element("div", {}, pictures));
  }
}

/** What determined a cell, and what it scored. */
function factsOf(grid, cell) {
  const list = element("dl", { class: "gv-facts" });
  const add = (name, ...value) => list.append(element("dt", {}, name), element("dd", {}, ...value));
  for (const metric of grid.data.metrics) {
    const { mean, count } = grid.mean(cell, metric.name);
    const beside = count > 1 ? element("small", {}, ` mean of ${count}: ${written(mean)}`) : null;
    if (metric.name in cell.scores) add(metric.name, element("span", { title: metric.summary }, written(cell.scores[metric.name])), beside);
  }
  const panel = grid.data.panels[cell.panel];
  const facts = { prompt: panel.prompt, ...(panel.seed === null ? {} : { seed: String(panel.seed) }), ...cell.facts };
  grid.axes.forEach((axis, number) => {
    if ("xyz".includes(axis.id) && !(axis.label in facts)) add(axis.label, axis.values[cell.at[number]]);
  });
  for (const [name, value] of Object.entries(facts)) add(name, value);
  add("cell", `${cell.position} · `, element("code", { title: cell.key }, cell.key.slice(0, 12)));
  return list;
}

/** Copy text, and say so on the button. */
async function copied(pressed, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { class: "gv-offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  pressed.dataset.label ??= pressed.textContent;
  pressed.textContent = "Copied";
  setTimeout(() => (pressed.textContent = pressed.dataset.label), 1200);
}
