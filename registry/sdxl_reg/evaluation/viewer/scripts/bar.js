// The heading and the toolbar: what is compared, along which axes, how it is coloured.

class Bar {
  constructor(viewer) {
    this.viewer = viewer;
    this.heading = element("header", { class: "gv-head" });
    this.root = element("div", { class: "gv-bar", role: "toolbar", "aria-label": "How the grid is shown" });
    this.zoomed = element("span", { class: "gv-zoomed" });
  }

  show() {
    keepingFocus(this.heading, () => this.heading.replaceChildren(...this.head()));
    keepingFocus(this.root, () => this.root.replaceChildren(...this.tools().filter(Boolean)));
    this.zoomTold();
  }

  head() {
    const { grid } = this.viewer;
    const { data } = grid;
    const facts = element("p", { class: "gv-soft" }, data.facts.join(" · "));
    const parts = [element("div", { class: "gv-title" }, element("h1", {}, data.title), facts)];
    if (data.pick) {
      const go = element("button", { type: "button", class: "gv-pick", title: "Go there (g)", click: () => this.viewer.goToPick() });
      go.append(element("b", {}, "Pick"), element("span", {}, `${data.pick.ref} at ${Number(data.pick.strength.toPrecision(6))}`), element("small", {}, data.pick.reason));
      parts.push(go);
    }
    const progress = this.progress();
    if (progress) parts.push(progress);
    return parts;
  }

  /** How many cells there are yet; nothing once all are drawn. */
  progress() {
    const { grid } = this.viewer;
    const [drawn, failed, all] = [grid.count("drawn"), grid.count("failed"), grid.cells.length];
    if (drawn === all) return null;
    const said = `${drawn} of ${all} cells drawn${failed ? `, ${failed} failed` : ""}`;
    return element("div", { class: "gv-progress", role: "status" }, element("progress", { max: all, value: drawn + failed, "aria-label": said }), element("span", {}, said));
  }

  tools() {
    const { viewer } = this;
    const { grid, state } = viewer;
    const inScores = state.tab === "scores";
    const free = grid.axes.map((_, number) => number).filter((number) => (inScores ? grid.axes[number].id === "z" : number !== state.rows && number !== state.columns));
    return [
      element("span", { class: "gv-segments", role: "group", "aria-label": "What is shown" }, this.tab("pictures", "Pictures"), this.tab("scores", "Scores")),
      ...free.map((number) => this.stepper(number)),
      inScores ? null : element(
        "span",
        { class: "gv-group" },
        this.axisChoice("rows", "Rows"),
        button("⇄", { "aria-label": "Swap rows and columns", title: "Swap rows and columns (s)", click: () => viewer.swap() }),
        this.axisChoice("columns", "Columns"),
      ),
      grid.data.metrics.length ? this.scores() : null,
      inScores ? null : this.size(),
      this.zoomed,
      element(
        "span",
        { class: "gv-group gv-last" },
        inScores ? null : button("Details", { "aria-pressed": String(state.details), title: "i", click: () => viewer.set({ details: !state.details }) }),
        button("?", { "aria-label": "Keys", title: "Keys (?)", click: () => viewer.keys.help() }),
      ),
    ];
  }

  tab(name, label) {
    return button(label, { "aria-pressed": String(this.viewer.state.tab === name), click: () => this.viewer.set({ tab: name }, { rebuild: true }) });
  }

  /** One value of an axis that is neither in the rows nor in the columns. */
  stepper(number) {
    const { viewer } = this;
    const axis = viewer.grid.axes[number];
    const pairs = axis.values.map((value, index) => [index, shortened(value, 70)]);
    const to = (value) => viewer.choose(number, Number(value));
    return element(
      "label",
      { class: "gv-group gv-stepper" },
      element("span", {}, axis.label),
      button("‹", { "aria-label": `${axis.label} before`, click: () => viewer.step(number, -1) }),
      choice(axis.label, pairs, viewer.state.at[number], to),
      button("›", { "aria-label": `next ${axis.label}`, click: () => viewer.step(number, 1) }),
    );
  }

  axisChoice(way, label) {
    const { viewer } = this;
    const pairs = viewer.grid.axes.map((axis, number) => [number, axis.label]);
    return element("label", { class: "gv-group" }, element("span", {}, label), choice(label, pairs, viewer.state[way], (value) => viewer.assign(way, Number(value))));
  }

  scores() {
    const { viewer } = this;
    const { grid, state } = viewer;
    const pairs = grid.data.metrics.map((metric, number) => [number, metric.name]);
    const metric = grid.data.metrics[state.metric];
    return element(
      "span",
      { class: "gv-group" },
      element("label", { class: "gv-group", title: metric.summary }, element("span", {}, "Score"), choice("Score", pairs, state.metric, (value) => viewer.set({ metric: Number(value) }))),
      state.tab === "pictures" ? button("Heat", { "aria-pressed": String(state.heat), title: "Colour the pictures by their scores (h)", click: () => viewer.set({ heat: !state.heat }) }) : null,
    );
  }

  size() {
    const { viewer } = this;
    const slider = element("input", { type: "range", min: "48", max: "512", step: "4", "aria-label": "Size of the pictures", input: (event) => viewer.resize(Number(event.target.value)) });
    slider.value = viewer.table.side ?? 160;
    this.slider = slider;
    return element("label", { class: "gv-group" }, element("span", {}, "Size"), slider);
  }

  zoomTold() {
    const { table } = this.viewer;
    const { zoom } = table.zoom;
    this.zoomed.replaceChildren(...(zoom > 1 ? [button(`${Math.round(zoom * 100)} % ×`, { title: "Reset the zoom (0)", click: () => table.zoom.reset() })] : []));
  }
}

/** What floats over the grid: the colours of the heat, and what is marked to compare. */
class Tray {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("div", { class: "gv-tray" });
  }

  show() {
    const { grid, state, table } = this.viewer;
    const isShown = state.tab === "pictures";
    const legend = isShown && state.heat && table.scale ? heatLegend(grid.data.metrics[state.metric], table.scale) : null;
    this.root.replaceChildren(...[legend, isShown ? this.marks() : null].filter(Boolean));
  }

  marks() {
    const { viewer } = this;
    const { grid, state } = viewer;
    const marked = ["a", "b"].filter((mark) => state[mark] >= 0);
    if (!marked.length) return null;
    const named = marked.map((mark) => element("span", {}, element("b", { class: "gv-mark" }, mark.toUpperCase()), ` ${shortened(grid.place(grid.cells[state[mark]], [state.rows, state.columns]), 60)}`));
    return element(
      "div",
      { class: "gv-marks" },
      named,
      marked.length === 2 ? button("Compare", { class: "gv-button is-first", click: () => viewer.open("wipe") }) : element("span", { class: "gv-soft" }, "mark another to compare"),
      button("Clear", { title: "Esc", click: () => viewer.set({ a: -1, b: -1 }) }),
    );
  }
}
