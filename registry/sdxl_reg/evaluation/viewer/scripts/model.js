// The grid: its axes, its cells by their coordinates, its scores. Nothing of the page.

class Grid {
  constructor(data) {
    this.take(data);
  }

  take(data) {
    this.data = data;
    this.axes = data.axes;
    this.cells = data.cells;
    this.byPlace = new Map(data.cells.map((cell, index) => [cell.at.join(), index]));
    this.byPosition = new Map(data.cells.map((cell, index) => [cell.position, index]));
    this.meanCache = new Map();
  }

  axis(id) {
    return this.axes.findIndex((axis) => axis.id === id);
  }

  /** Index of the cell at some coordinates; -1 for none. */
  indexAt(at) {
    return this.byPlace.get(at.join()) ?? -1;
  }

  isPicked(cell) {
    const pick = this.data.pick;
    return Boolean(pick) && this.axes.every((axis, number) => !(axis.id in pick.at) || pick.at[axis.id] === cell.at[number]);
  }

  /** Coordinates of the pick, in the prompt and seed that are shown. */
  pickAt(at) {
    return this.axes.map((axis, number) => this.data.pick.at[axis.id] ?? at[number]);
  }

  url(cell, kind) {
    const number = kind === "preview" ? cell.preview ?? cell.picture : cell.picture;
    return number === null || number === undefined ? null : this.data.pictures[number];
  }

  /** Where a cell is, in words: the values of its axes. */
  place(cell, axes = this.axes.keys()) {
    return [...axes].map((number) => `${this.axes[number].label} ${shortened(this.axes[number].values[cell.at[number]], 60)}`).join(", ");
  }

  prompt(cell) {
    return cell.facts.prompt ?? this.data.panels[cell.panel].prompt;
  }

  /** The mean over prompts and seeds at a cell's place, and of how many pictures. */
  mean(cell, metric) {
    const key = this.placeKey(cell);
    const cache = `${metric}/${key}`;
    if (!this.meanCache.has(cache)) {
      const values = this.cells.filter((other) => this.placeKey(other) === key).map((other) => other.scores[metric]).filter((value) => value !== undefined);
      const mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
      this.meanCache.set(cache, { mean, count: values.length });
    }
    return this.meanCache.get(cache);
  }

  placeKey(cell) {
    return cell.at.filter((_, number) => "xyz".includes(this.axes[number].id)).join();
  }

  count(state) {
    return this.cells.filter((cell) => cell.state === state).length;
  }
}

/** What "copy parameters" copies: as A1111 reads it where nothing better is given. */
function parametersOf(grid, cell) {
  if (cell.parameters) return cell.parameters;
  const names = { steps: "Steps", sampler: "Sampler", guidance: "CFG scale", seed: "Seed", size: "Size", base: "Model" };
  const { prompt, "negative prompt": negative, ...rest } = cell.facts;
  const seed = grid.data.panels[cell.panel].seed;
  const facts = seed === null || rest.seed ? rest : { ...rest, seed };
  const lines = [prompt ?? grid.prompt(cell)];
  if (negative) lines.push(`Negative prompt: ${negative}`);
  lines.push(Object.entries(facts).map(([name, value]) => `${names[name] ?? name}: ${/[,:\n]/.test(value) ? JSON.stringify(value) : value}`).join(", "));
  return lines.filter(Boolean).join("\n");
}
