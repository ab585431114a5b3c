// The keyboard, and the list of its keys.

const KEYS = [
  ["← ↑ → ↓", "walk through the cells; Home, End: ends of the row"],
  ["Enter", "open the cell large"],
  ["c", "mark the cell to compare; the second one opens both"],
  ["w  b  d", "compare: wipe, side by side, difference"],
  ["h", "heat: colour the cells by each score in turn"],
  ["s", "swap rows and columns (while comparing: A and B)"],
  ["[  ]", "prompt, seed or panel before, and next"],
  ["{  }", "page before, and next"],
  ["+  −  0", "zoom all pictures alike; reset"],
  ["Ctrl + wheel", "zoom all pictures; drag moves them; double click resets"],
  ["z", "whether a plain wheel zooms or scrolls"],
  ["g", "go to the pick"],
  ["p", "pictures or scores"],
  ["i", "details on or off"],
  ["Esc", "close; in the grid: forget what is marked"],
];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Keys {
  constructor(viewer) {
    this.viewer = viewer;
    const list = element("dl", {}, KEYS.map(([keys, what]) => [element("dt", {}, keys.split(/ {2}/).map((key) => element("kbd", {}, key))), element("dd", {}, what)]));
    this.root = element("dialog", { class: "gv-keys", "aria-label": "Keys" }, element("h2", {}, "Keys"), list, element("form", { method: "dialog" }, element("button", { class: "gv-button is-first" }, "Close")));
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  help() {
    this.root.showModal();
  }

  pressed(event) {
    if (event.target !== document.body && !this.viewer.root.contains(event.target)) return;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || this.root.open) return;
    if (event.target.closest("select, textarea, input") && event.key !== "Escape") return;
    const act = this.viewer.stage.root.open ? this.onStage(event) : this.onGrid(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  onStage(event) {
    const { viewer } = this;
    const { state, stage } = viewer;
    const step = STEPS[event.key];
    if (step && state.mode === "wipe" && !event.shiftKey) return step[0] ? () => stage.moveEdge(stage.wipe + 0.02 * step[0]) : null;
    if (step) return () => stage.walk(step);
    const pair = state.a >= 0 && state.b >= 0;
    const modes = { w: "wipe", b: "beside", d: "difference" };
    return {
      ...(pair ? Object.fromEntries(Object.entries(modes).map(([key, mode]) => [key, () => viewer.open(mode)])) : {}),
      s: () => pair && viewer.exchange(),
      c: () => state.mode === "one" && viewer.mark(),
      "+": () => stage.zoom.by(1.4),
      "=": () => stage.zoom.by(1.4),
      "-": () => stage.zoom.by(1 / 1.4),
      0: () => stage.zoom.reset(),
      "?": () => this.help(),
    }[event.key];
  }

  onGrid(event) {
    const { viewer } = this;
    const { grid, state, table } = viewer;
    const inScores = state.tab === "scores";
    if (STEPS[event.key]) return inScores ? null : () => viewer.move(...STEPS[event.key]);
    if (event.key === "Enter") return inScores || !event.target.closest("[data-at]") ? null : () => viewer.open("one");
    const turn = (wanted, step) => () => viewer.turn(wanted, step);
    const pair = state.a >= 0 && state.b >= 0;
    return {
      Home: inScores ? null : () => viewer.move(-Infinity, 0),
      End: inScores ? null : () => viewer.move(Infinity, 0),
      c: () => viewer.mark(),
      w: pair ? () => viewer.open("wipe") : null,
      b: pair ? () => viewer.open("beside") : null,
      d: pair ? () => viewer.open("difference") : null,
      h: () => viewer.nextHeat(),
      s: () => viewer.swap(),
      "[": turn("panel", -1),
      "]": turn("panel", 1),
      "{": turn("page", -1),
      "}": turn("page", 1),
      "+": () => table.zoom.by(1.4),
      "=": () => table.zoom.by(1.4),
      "-": () => table.zoom.by(1 / 1.4),
      0: () => table.zoom.reset(),
      z: () => viewer.wheel(),
      g: grid.data.pick ? () => viewer.goToPick() : null,
      p: () => viewer.set({ tab: inScores ? "pictures" : "scores" }, { rebuild: true }),
      i: () => viewer.set({ details: !state.details }),
      "?": () => this.help(),
      Escape: () => viewer.set({ a: -1, b: -1 }),
    }[event.key];
  }
}
