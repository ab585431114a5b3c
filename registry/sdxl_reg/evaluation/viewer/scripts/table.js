// The grid itself: a table whose headers stay in sight and whose pictures load as they come near.

class Table {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = element("div", { class: "gv-scroll", tabindex: "-1" });
    this.near = new Set();
    this.wheelAsked = null;
    this.zoom = new Zoom(this.root, { frame: ".gv-picture", wheel: () => this.wheelZooms(), changed: () => viewer.zoomed() });
    this.root.addEventListener("click", (event) => this.clicked(event));
    this.root.addEventListener("dblclick", (event) => this.doubleClicked(event));
    this.root.addEventListener("focusin", (event) => this.focused(event));
  }

  /** A plain wheel zooms when there is nothing to scroll, unless people chose otherwise. */
  wheelZooms() {
    if (this.wheelAsked !== null) return this.wheelAsked;
    return this.root.scrollHeight <= this.root.clientHeight + 1;
  }

  build() {
    const { grid, state } = this.viewer;
    const [rows, columns] = [grid.axes[state.rows], grid.axes[state.columns]];
    this.observer?.disconnect();
    this.near.clear();
    this.observer = new IntersectionObserver((seen) => this.seen(seen), { root: this.root, rootMargin: "300px" });
    this.buttons = new Map();
    const head = element("tr", {}, this.corner(rows, columns), columns.values.map((_, column) => this.heading(columns, column, "col")));
    const body = rows.values.map((_, row) =>
      element("tr", {}, this.heading(rows, row, "row"), columns.values.map((_, column) => this.place(row, column))),
    );
    const label = `${rows.label} by ${columns.label}`;
    const table = element("table", { class: "gv-table", role: "grid", "aria-label": label }, element("thead", {}, head), element("tbody", {}, body));
    this.root.replaceChildren(table);
    this.measure();
    for (const found of this.buttons.values()) this.observer.observe(found);
    this.repaint();
  }

  corner(rows, columns) {
    return element("td", { class: "gv-corner" }, element("span", {}, `${columns.label} →`), element("span", {}, `${rows.label} ↓`));
  }

  heading(axis, index, scope) {
    const notes = axis.notes[index].map((note) => element("small", {}, note));
    return element("th", { scope, title: [axis.values[index], ...axis.notes[index]].join("\n") }, element("div", {}, element("span", {}, axis.values[index]), ...notes));
  }

  place(row, column) {
    const { grid, state } = this.viewer;
    const at = [...state.at];
    at[state.rows] = row;
    at[state.columns] = column;
    const index = grid.indexAt(at);
    if (index < 0) return element("td", { role: "gridcell" }, element("button", { type: "button", class: "gv-cell is-blank", tabindex: "-1", "data-at": at.join(), "aria-label": "nothing planned here" }, element("span", { class: "gv-picture" })));
    const made = element("button", { type: "button", class: "gv-cell", tabindex: "-1", "data-at": at.join(), "data-index": index });
    made.append(element("span", { class: "gv-picture" }), element("span", { class: "gv-caption" }));
    this.buttons.set(index, made);
    this.fill(index, made);
    return element("td", { role: "gridcell" }, made);
  }

  /** Picture or reason of a cell; the picture's address follows once it comes near. */
  fill(index, made) {
    const { grid } = this.viewer;
    const cell = grid.cells[index];
    const frame = made.querySelector(".gv-picture");
    made.classList.toggle("is-failed", cell.state === "failed");
    made.classList.toggle("is-missing", cell.state === "missing");
    if (cell.state === "drawn" && grid.url(cell)) {
      const alt = `${grid.place(cell, [this.viewer.state.rows, this.viewer.state.columns])}: ${grid.prompt(cell)}`;
      frame.replaceChildren(element("img", { alt, decoding: "async", draggable: "false" }));
    } else {
      const said = { failed: ["failed", cell.reason], missing: ["not yet"], drawn: ["no picture", "its file cannot be read"] }[cell.state];
      frame.replaceChildren(element("span", { class: "gv-said" }, element("b", {}, said[0]), said[1] ? element("span", {}, said[1]) : null));
    }
    if (this.near.has(index)) this.load(index);
  }

  seen(entries) {
    for (const entry of entries) {
      const index = Number(entry.target.dataset.index);
      if (entry.isIntersecting) this.near.add(index);
      else this.near.delete(index);
      if (entry.isIntersecting) this.load(index);
    }
  }

  load(index) {
    const image = this.buttons.get(index)?.querySelector("img");
    const wanted = this.viewer.grid.url(this.viewer.grid.cells[index], this.zoom.zoom > 1.2 || this.side > 520 ? "picture" : "preview");
    if (image && image.getAttribute("src") !== wanted) image.src = wanted;
  }

  /** Picture size: as asked for, else such that all columns fit, within reason. */
  measure() {
    const { grid, state } = this.viewer;
    const [width, height] = grid.data.size;
    const columns = grid.axes[state.columns].values.length;
    const header = this.root.querySelector(".gv-corner").offsetWidth;
    const room = (this.root.clientWidth - header - 8) / columns - 10;
    const scale = Math.max(width, height);
    this.side = state.side || clamped(Math.floor((room * scale) / width), 72, 300);
    this.root.style.setProperty("--cell-width", `${Math.round((this.side * width) / scale)}px`);
    this.root.style.setProperty("--cell-height", `${Math.round((this.side * height) / scale)}px`);
    this.sharpen();
  }

  /** Pixels stay visible as such once they are three screen pixels wide. */
  sharpen() {
    this.root.classList.toggle("is-pixelated", (this.side * this.zoom.zoom) / Math.max(...this.viewer.grid.data.size) >= 3);
  }

  /** Scores, heat, marks, cursor: all that changes without new elements. */
  repaint() {
    const { grid, state } = this.viewer;
    const metric = grid.data.metrics[state.metric];
    const shown = [...this.buttons.keys()].map((index) => grid.cells[index]);
    this.scale = metric ? heatScale(shown.map((cell) => cell.scores[metric.name]), metric.better) : null;
    this.root.classList.toggle("is-hot", Boolean(state.heat && this.scale));
    const best = this.scale && { lower: this.scale.low, higher: this.scale.high }[metric.better];
    for (const [index, made] of this.buttons) this.dress(made, grid.cells[index], index, metric, best);
    this.point();
  }

  dress(made, cell, index, metric, best) {
    const { grid, state } = this.viewer;
    const score = metric ? cell.scores[metric.name] : undefined;
    const mark = index === state.a ? "A" : index === state.b ? "B" : "";
    const picked = grid.isPicked(cell);
    const caption = made.querySelector(".gv-caption");
    caption.replaceChildren(...[mark && element("b", { class: "gv-mark" }, mark), element("span", {}, score === undefined ? "" : written(score)), picked && element("em", {}, "pick")].filter(Boolean));
    made.classList.toggle("is-picked", picked);
    made.classList.toggle("is-best", score !== undefined && score === best);
    made.classList.toggle("is-marked", Boolean(mark));
    if (this.scale && score !== undefined) made.style.setProperty("--heat", heatColour(this.scale.share(score)));
    else made.style.removeProperty("--heat");
    const said = [grid.place(cell, [state.rows, state.columns])];
    if (cell.state !== "drawn") said.push(cell.state === "failed" ? `failed: ${cell.reason}` : "not drawn yet");
    if (score !== undefined) said.push(`${metric.name} ${written(score)}`);
    if (picked) said.push("the pick");
    if (mark) said.push(`marked ${mark}`);
    made.setAttribute("aria-label", said.join("; "));
  }

  /** The cursor: the one cell that the tab key reaches. */
  point({ focus = false } = {}) {
    const wanted = this.root.querySelector(`[data-at="${this.viewer.state.at.join()}"]`);
    for (const old of this.root.querySelectorAll(".is-current")) if (old !== wanted) this.unpoint(old);
    if (!wanted) return;
    wanted.classList.add("is-current");
    wanted.tabIndex = 0;
    wanted.parentElement.setAttribute("aria-selected", "true");
    if (focus) wanted.focus({ preventScroll: true });
    if (focus || this.reveal) this.scrollTo(wanted);
    this.reveal = false;
  }

  unpoint(old) {
    old.classList.remove("is-current");
    old.tabIndex = -1;
    old.parentElement.removeAttribute("aria-selected");
  }

  /** Into sight beside the headers that stay. */
  scrollTo(made) {
    const [box, frame] = [made.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const corner = this.root.querySelector(".gv-corner").getBoundingClientRect();
    const [left, top] = [frame.left + corner.width + 6, frame.top + corner.height + 6];
    if (box.left < left) this.root.scrollLeft -= left - box.left;
    else if (box.right > frame.right - 18) this.root.scrollLeft += box.right - frame.right + 18;
    if (box.top < top) this.root.scrollTop -= top - box.top;
    else if (box.bottom > frame.bottom - 66) this.root.scrollTop += box.bottom - frame.bottom + 66; // above the tray
  }

  clicked(event) {
    const made = event.target.closest("[data-at]");
    if (!made) return;
    this.viewer.go(made.dataset.at.split(",").map(Number), { focus: true });
    if (event.shiftKey) this.viewer.mark();
  }

  doubleClicked(event) {
    if (!event.target.closest("[data-index]")) return;
    if (this.zoom.zoom > 1) this.zoom.reset();
    else this.viewer.open("one");
  }

  /** A dialog that closes gives the focus back to where people were before they walked on. */
  focused(event) {
    if (this.viewer.state.mode) return;
    const made = event.target.closest("[data-at]");
    if (made && made.dataset.at !== this.viewer.state.at.join()) this.viewer.go(made.dataset.at.split(",").map(Number));
  }
}
