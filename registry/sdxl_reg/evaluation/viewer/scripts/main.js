// The viewer: the state, what changes it, and which parts are drawn anew after a change.

const RENEWED_EVERY = 3000; // milliseconds

class Viewer {
  /**
   * @param options actions: from a cell and the grid to buttons that a page has for it, beside the viewer's own
   */
  constructor(root, data, { actions = () => [] } = {}) {
    this.root = root;
    this.actions = actions;
    this.grid = new Grid(data);
    this.state = stateOf(this.grid, location.hash);
    root.classList.add("gv");
    this.table = new Table(this);
    this.scores = new Scores(this);
    this.side = new Side(this);
    this.stage = new Stage(this);
    this.bar = new Bar(this);
    this.tray = new Tray(this);
    this.keys = new Keys(this);
    this.said = element("div", { class: "gv-toast", role: "status", "aria-live": "polite" });
    this.body = element(root.closest("main") ? "div" : "main", { class: "gv-body" }, this.table.root, this.scores.root, this.tray.root, this.side.root);
    root.replaceChildren(this.bar.heading, this.bar.root, this.body, this.stage.root, this.keys.root, this.said);
    addEventListener("hashchange", () => this.returned());
    new ResizeObserver(() => this.resized()).observe(this.table.root);
    this.table.zoom.set(this.state.zoom, this.state.panX, this.state.panY);
    this.show({ rebuild: true, focus: true });
    if (this.state.mode) this.stage.show();
    this.live();
  }

  /** Change the state, and show it. */
  set(change, { rebuild = false, focus = false } = {}) {
    Object.assign(this.state, change);
    this.show({ rebuild, focus });
    if (this.stage.root.open) this.stage.show();
  }

  show({ rebuild = false, focus = false } = {}) {
    const { state } = this;
    this.body.dataset.tab = state.tab;
    this.body.classList.toggle("has-details", state.details && state.tab === "pictures");
    if (state.tab === "scores") this.scores.show();
    else if (rebuild || !this.table.buttons) this.table.build();
    else this.table.repaint();
    if (focus && state.tab === "pictures" && !this.stage.root.open) this.table.point({ focus: true });
    if (state.details) keepingFocus(this.side.root, () => this.side.show());
    this.bar.show();
    this.tray.show();
    this.remember();
  }

  /** The address says what is shown; set once a while, as browsers limit how often it may be. */
  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      const address = addressOf(this.grid, this.state);
      if (address !== location.hash) history.replaceState(null, "", address);
    }, 120);
  }

  returned() {
    if (location.hash === addressOf(this.grid, this.state)) return;
    this.state = stateOf(this.grid, location.hash);
    this.table.zoom.set(this.state.zoom, this.state.panX, this.state.panY);
    this.show({ rebuild: true, focus: true });
    if (this.state.mode) this.stage.show();
    else if (this.stage.root.open) this.stage.root.close();
  }

  go(at, { focus = false } = {}) {
    this.state.at = at;
    this.table.point({ focus });
    if (this.state.details) this.side.show();
    this.remember();
  }

  move(right, down) {
    const { grid, state } = this;
    const at = [...state.at];
    for (const [axis, step] of [[state.columns, right], [state.rows, down]]) at[axis] = clamped(at[axis] + step, 0, grid.axes[axis].values.length - 1);
    this.go(at, { focus: !this.stage.root.open });
    if (this.stage.root.open) this.stage.show();
  }

  choose(axis, value) {
    const at = [...this.state.at];
    at[axis] = value;
    this.set({ at }, { rebuild: true });
    this.say(`${this.grid.axes[axis].label} ${this.grid.axes[axis].values[value]}`);
  }

  step(axis, by) {
    const count = this.grid.axes[axis].values.length;
    this.choose(axis, (this.state.at[axis] + by + count) % count);
  }

  /** The next prompt, seed or panel, or the next page: the first axis of that sort that is free. */
  turn(wanted, by) {
    const { grid, state } = this;
    const free = grid.axes.map((_, number) => number).filter((number) => number !== state.rows && number !== state.columns);
    const axis = free.find((number) => ["panel", "prompt", "seed"].includes(grid.axes[number].id) === (wanted === "panel"));
    if (axis !== undefined) this.step(axis, by);
  }

  swap() {
    this.set({ rows: this.state.columns, columns: this.state.rows }, { rebuild: true, focus: true });
    this.say("Rows and columns are swapped");
  }

  /** An axis for the rows or the columns; the one that was there takes its place. */
  assign(way, axis) {
    const other = way === "rows" ? "columns" : "rows";
    const change = { [way]: axis };
    if (this.state[other] === axis) change[other] = this.state[way];
    this.set(change, { rebuild: true });
  }

  mark() {
    const { state } = this;
    const index = this.grid.indexAt(state.at);
    if (index < 0) return;
    const change = {};
    if (state.a === index) Object.assign(change, { a: state.b, b: -1 });
    else if (state.b === index) change.b = -1;
    else change[state.a < 0 ? "a" : "b"] = index;
    this.set(change);
    const completed = "b" in change && change.b >= 0 && change.b === index;
    this.say(state.a === index || state.b === index ? "Marked" : "Unmarked");
    if (completed) this.open("wipe");
  }

  exchange() {
    this.set({ a: this.state.b, b: this.state.a });
  }

  open(mode) {
    this.state.mode = mode;
    this.stage.show();
    this.remember();
  }

  closed() {
    this.state.mode = "";
    this.show({ focus: true });
  }

  nextHeat() {
    const { state, grid } = this;
    const count = grid.data.metrics.length;
    if (!count) return;
    if (!state.heat) this.set({ heat: true });
    else if (state.metric + 1 < count) this.set({ metric: state.metric + 1 });
    else this.set({ heat: false, metric: 0 });
    this.say(state.heat ? `Heat: ${grid.data.metrics[state.metric].name}` : "Heat is off");
  }

  goToPick() {
    this.set({ at: this.grid.pickAt(this.state.at), tab: "pictures" }, { rebuild: true, focus: true });
  }

  resize(side) {
    this.state.side = side;
    this.table.measure();
    this.table.reveal = true;
    this.table.point();
    this.remember();
  }

  resized() {
    if (this.table.buttons && !this.state.side && this.state.tab === "pictures") this.table.measure();
  }

  zoomed() {
    const { zoom } = this.table;
    Object.assign(this.state, { zoom: zoom.zoom, panX: zoom.x, panY: zoom.y });
    if (!this.table.buttons) return;
    for (const index of this.table.near) this.table.load(index);
    this.table.sharpen();
    this.bar.zoomTold();
    this.remember();
  }

  wheel() {
    this.table.wheelAsked = !this.table.wheelZooms();
    this.say(this.table.wheelAsked ? "The wheel zooms" : "The wheel scrolls");
  }

  /** Briefly, for eyes and ears. */
  say(text) {
    this.said.textContent = text;
    clearTimeout(this.silencing);
    this.silencing = setTimeout(() => (this.said.textContent = ""), 1800);
  }

  /** A newer document of the same grid: cells appear in their places, nothing else moves. */
  update(data) {
    const before = this.grid.data;
    const same = JSON.stringify(before.axes) === JSON.stringify(data.axes) && before.cells.length === data.cells.length;
    this.grid.take(data);
    if (!same) {
      this.state = { ...stateOf(this.grid, location.hash) };
      this.show({ rebuild: true });
      return;
    }
    const shown = (cell, from) => JSON.stringify([cell.state, cell.reason, from.pictures[cell.picture], cell.at]);
    data.cells.forEach((cell, index) => {
      const made = this.table.buttons?.get(index);
      if (made && shown(cell, data) !== shown(before.cells[index], before)) this.table.fill(index, made);
    });
    this.show();
  }

  /** While the grid is drawn, its document is fetched anew every few seconds. */
  live() {
    const { live } = this.grid.data;
    if (!live || !location.protocol.startsWith("http")) return;
    setTimeout(async () => {
      try {
        const answer = await fetch(live, { headers: { Accept: "application/json" } });
        if (answer.ok) this.update(await answer.json());
      } catch {
        // The server is away for a moment: the next round tells.
      }
      this.live();
    }, RENEWED_EVERY);
  }
}

window.SdxlRegGrid = { mount: (root, data, options) => new Viewer(root, data, options) };

const held = document.getElementById("grid-document");
const place = document.getElementById("grid-viewer");
if (held && place) window.sdxlRegGrid = window.SdxlRegGrid.mount(place, JSON.parse(held.textContent));
