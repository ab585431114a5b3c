// What is shown, as the part of the address after #: a reload keeps it, and a link leads to a cell.
//
//   #cell=12                 the cell with that number
//   #x=3&y=2&z=0&panel=1     the same by its place

const DEFAULTS = { side: 0, heat: false, metric: 0, tab: "pictures", mode: "", a: -1, b: -1, zoom: 1, panX: 0, panY: 0, details: true };

/** The state that an address stands for. */
function stateOf(grid, address) {
  const asked = new URLSearchParams(address.replace(/^#/, ""));
  const whole = (name, most) => (/^\d+$/.test(asked.get(name) ?? "") && Number(asked.get(name)) < most ? Number(asked.get(name)) : undefined);
  const state = { ...DEFAULTS, at: grid.axes.map(() => 0), columns: grid.axis("x"), rows: grid.axis("y") };
  for (const way of ["columns", "rows"]) {
    if (grid.axis(asked.get(way)) >= 0) state[way] = grid.axis(asked.get(way));
  }
  if (state.columns === state.rows) state.rows = state.columns === grid.axis("y") ? grid.axis("x") : grid.axis("y");
  if (grid.data.pick) state.at = grid.pickAt(state.at);
  const ofPanel = grid.cells.find((cell) => cell.panel === whole("panel", grid.data.panels.length));
  grid.axes.forEach((axis, number) => {
    if (ofPanel && !"xyz".includes(axis.id)) state.at[number] = ofPanel.at[number];
    state.at[number] = whole(axis.id, axis.values.length) ?? state.at[number];
  });
  const cell = grid.cells[grid.byPosition.get(Number(asked.get("cell") ?? -1))];
  if (cell) state.at = [...cell.at];
  const metric = grid.data.metrics.findIndex((found) => found.name === (asked.get("heat") ?? asked.get("score")));
  state.metric = Math.max(0, metric);
  state.heat = metric >= 0 && asked.has("heat");
  state.tab = asked.get("tab") === "scores" ? "scores" : "pictures";
  state.details = asked.get("details") !== "0";
  state.side = clamped(Number(asked.get("size")) || 0, 0, 768);
  for (const mark of ["a", "b"]) state[mark] = grid.byPosition.get(Number(asked.get(mark) ?? -1)) ?? -1;
  if (["one", "wipe", "beside", "difference"].includes(asked.get("mode"))) state.mode = asked.get("mode");
  if (state.mode && state.mode !== "one" && (state.a < 0 || state.b < 0)) state.mode = "";
  const zoom = (asked.get("zoom") ?? "").split(",").map(Number);
  if (zoom.length === 3 && zoom.every(Number.isFinite)) Object.assign(state, { zoom: clamped(zoom[0], 1, 16), panX: zoom[1], panY: zoom[2] });
  return state;
}

/** The address of a state; what is as usual is left out. */
function addressOf(grid, state) {
  const said = new URLSearchParams();
  const cell = grid.cells[grid.indexAt(state.at)];
  if (cell) said.set("cell", cell.position);
  else grid.axes.forEach((axis, number) => said.set(axis.id, state.at[number]));
  if (state.columns !== grid.axis("x")) said.set("columns", grid.axes[state.columns].id);
  if (state.rows !== grid.axis("y")) said.set("rows", grid.axes[state.rows].id);
  const metric = grid.data.metrics[state.metric];
  if (metric && state.heat) said.set("heat", metric.name);
  else if (metric && state.metric) said.set("score", metric.name);
  if (state.tab === "scores") said.set("tab", "scores");
  if (!state.details) said.set("details", "0");
  if (state.side) said.set("size", state.side);
  for (const mark of ["a", "b"]) if (state[mark] >= 0) said.set(mark, grid.cells[state[mark]].position);
  if (state.mode) said.set("mode", state.mode);
  if (state.zoom > 1) said.set("zoom", [state.zoom, state.panX, state.panY].map((value) => Number(value.toFixed(3))).join());
  return `#${said}`;
}

/** A link to one cell, without what else is shown. */
function linkTo(cell) {
  return `${location.href.split("#")[0]}#cell=${cell.position}`;
}
