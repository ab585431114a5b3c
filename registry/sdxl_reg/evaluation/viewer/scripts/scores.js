// The scores of all places: their plot, and their means as a table that leads to the pictures.

class Scores {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("div", { class: "gv-scores", tabindex: "-1" });
  }

  show() {
    const { grid, state } = this.viewer;
    const metric = grid.data.metrics[state.metric];
    if (!metric) {
      this.root.replaceChildren(element("p", { class: "gv-soft" }, "Nothing is scored."));
      return;
    }
    const z = grid.axis("z") < 0 ? 0 : state.at[grid.axis("z")];
    const plot = grid.data.plots.find((found) => found.metric === metric.name && found.z === z);
    const figure = element("figure", { class: "gv-plot" });
    if (plot?.svg) figure.append(drawing(plot.svg));
    else figure.append(element("p", { class: "gv-soft" }, "Nothing is scored yet."));
    this.root.replaceChildren(figure, this.means(metric));
  }

  /** Rows and columns as x and y are; each number opens its place among the pictures. */
  means(metric) {
    const { grid, state } = this.viewer;
    const [x, y] = [grid.axis("x"), grid.axis("y")];
    const at = (column, row) => state.at.map((value, number) => (number === x ? column : number === y ? row : value));
    const places = grid.axes[y].values.map((_, row) => grid.axes[x].values.map((__, column) => grid.cells[grid.indexAt(at(column, row))]));
    const means = places.map((row) => row.map((cell) => cell && grid.mean(cell, metric.name).mean));
    const scale = heatScale(means.flat(), metric.better);
    const head = element("tr", {}, element("td", {}, `${grid.axes[y].label} ↓ ${grid.axes[x].label} →`), grid.axes[x].values.map((value) => element("th", { scope: "col" }, shortened(value, 24))));
    const body = places.map((row, number) =>
      element("tr", {}, element("th", { scope: "row" }, shortened(grid.axes[y].values[number], 40)), row.map((cell, column) => element("td", {}, this.mean(cell, means[number][column], scale)))),
    );
    const panels = grid.data.panels.length;
    return element(
      "section",
      {},
      element("h2", {}, panels > 1 ? `Mean ${metric.name} over ${panels} prompts and seeds` : metric.name),
      element("div", { class: "gv-wide" }, element("table", { class: "gv-means" }, element("thead", {}, head), element("tbody", {}, body))),
    );
  }

  mean(cell, value, scale) {
    if (!cell || value === undefined || !scale) return "—";
    const share = scale.share(value);
    return element(
      "button",
      {
        type: "button",
        class: `gv-mean${this.viewer.grid.isPicked(cell) ? " is-picked" : ""}${share > 0.55 ? " is-light" : ""}`,
        style: { "--heat": heatColour(share) },
        title: "Show the pictures",
        click: () => this.viewer.set({ at: [...cell.at], tab: "pictures" }, { rebuild: true, focus: true }),
      },
      written(value),
    );
  }
}
