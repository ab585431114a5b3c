// The stage: one picture large, or two compared by wiping, side by side, or as their difference.

const MODES = [
  ["wipe", "Wipe", "w"],
  ["beside", "Side by side", "b"],
  ["difference", "Difference", "d"],
];
const GAINS = [1, 2, 4, 8, 16, 32];

class Stage {
  constructor(viewer) {
    this.viewer = viewer;
    this.wipe = 0.5;
    this.gain = 4;
    this.view = element("div", { class: "gv-view" });
    this.head = element("div", { class: "gv-stage-head" });
    this.foot = element("div", { class: "gv-stage-foot" });
    this.root = element("dialog", { class: "gv-stage", "aria-label": "Large" }, this.head, this.view, this.foot);
    this.zoom = new Zoom(this.view, { frame: ".gv-frame", wheel: () => true, changed: () => this.told() });
    this.root.addEventListener("close", () => viewer.closed());
    this.root.addEventListener("cancel", (event) => (event.preventDefault(), this.root.close()));
    this.view.addEventListener("dblclick", () => this.zoom.reset());
    this.view.addEventListener("pointerdown", (event) => this.grabbed(event));
    this.view.addEventListener("pointermove", (event) => this.pulled(event));
    for (const end of ["pointerup", "pointercancel"]) this.view.addEventListener(end, () => (this.pulling = false));
    addEventListener("resize", () => this.root.open && this.fit());
  }

  /** Show what the state says: `mode` and the marked cells, or the current one. */
  show() {
    const { grid, state } = this.viewer;
    const pair = state.mode === "one" ? [grid.indexAt(state.at)] : [state.a, state.b];
    const cells = pair.map((index) => grid.cells[index]);
    if (cells.some((cell) => !cell)) return;
    if (!this.root.open) {
      this.zoom.reset();
      this.root.showModal();
    }
    this.cells = cells;
    this.root.dataset.mode = state.mode;
    this.head.replaceChildren(...this.heading());
    this.foot.replaceChildren(...this.feet());
    this.view.replaceChildren(...this.pictures());
    this.fit();
    this.told();
    if (state.mode === "difference") this.subtract();
    this.view.querySelector("[role=slider]")?.focus({ preventScroll: true });
  }

  heading() {
    const { grid, state } = this.viewer;
    const axes = grid.axes.map((_, number) => number);
    const [one, other] = this.cells;
    const apart = other ? axes.filter((number) => one.at[number] !== other.at[number]) : axes;
    const named = this.cells.map((cell, number) =>
      element("span", { class: "gv-named" }, this.cells.length > 1 ? element("b", { class: "gv-mark" }, "AB"[number]) : null, grid.place(cell, apart.length ? apart : axes), this.score(cell), grid.isPicked(cell) ? element("em", {}, "pick") : null),
    );
    const modes = MODES.map(([mode, label, key]) => button(label, { "aria-pressed": String(state.mode === mode), title: key, click: () => this.viewer.open(mode) }));
    const tools = this.cells.length > 1 ? [element("span", { class: "gv-segments", role: "group", "aria-label": "How to compare" }, modes), button("A ⇄ B", { title: "s", click: () => this.viewer.exchange() })] : [];
    return [element("div", { class: "gv-names" }, named), element("div", { class: "gv-tools" }, tools, button("Close", { title: "Esc", click: () => this.root.close() }))];
  }

  score(cell) {
    const metric = this.viewer.grid.data.metrics[this.viewer.state.metric];
    return metric && metric.name in cell.scores ? element("small", {}, `${metric.name} ${written(cell.scores[metric.name])}`) : null;
  }

  feet() {
    const { state } = this.viewer;
    this.zoomed = element("output", { class: "gv-soft" });
    if (state.mode === "difference") {
      this.numbers = element("output", { class: "gv-difference", "aria-live": "polite" }, "…");
      const gain = choice("Amplified", GAINS.map((times) => [times, `× ${times}`]), this.gain, (value) => {
        this.gain = Number(value);
        this.view.style.setProperty("--gain", this.gain);
      });
      return [element("label", {}, "Amplified ", gain), this.numbers, this.zoomed];
    }
    const help = { one: "arrows walk · wheel zooms · c marks to compare", wipe: "drag, or ← →, moves the edge · ⇧ with arrows walks B", beside: "arrows walk B" }[state.mode];
    return [element("span", { class: "gv-soft" }, help), this.zoomed];
  }

  pictures() {
    const { mode } = this.viewer.state;
    const frames = this.cells.map((cell, number) => element("div", { class: `gv-frame gv-frame-${"ab"[number]}` }, this.picture(cell)));
    if (mode === "wipe") {
      this.edge = element("div", { class: "gv-edge", role: "slider", tabindex: "0", "aria-label": "Edge between A and B", "aria-valuemin": "0", "aria-valuemax": "100" }, element("i", {}, "⇆"));
      this.moveEdge(this.wipe);
      const tags = ["A", "B"].map((tag) => element("b", { class: `gv-mark gv-tag-${tag.toLowerCase()}` }, tag));
      return [element("div", { class: "gv-pile" }, frames, tags, this.edge)];
    }
    if (mode === "difference") {
      this.canvas = element("canvas", { role: "img", "aria-label": "Where A and B differ; black is equal" });
      this.view.style.setProperty("--gain", this.gain);
      return [element("div", { class: "gv-pile" }, element("div", { class: "gv-frame" }, this.canvas))];
    }
    return frames.map((frame, number) => element("div", { class: "gv-pile" }, frame, mode === "beside" ? element("b", { class: "gv-mark gv-tag-a" }, "AB"[number]) : null));
  }

  picture(cell) {
    const { grid } = this.viewer;
    const url = grid.url(cell);
    if (url) return element("img", { src: url, alt: `${grid.place(cell)}: ${grid.prompt(cell)}`, draggable: "false" });
    return element("span", { class: "gv-said" }, element("b", {}, cell.state === "failed" ? "failed" : "not yet"), element("span", {}, cell.reason));
  }

  /** As large as the window holds, in the pictures' own proportions. */
  fit() {
    const [width, height] = this.viewer.grid.data.size;
    const piles = this.view.children.length || 1;
    const room = { width: (this.view.clientWidth - 16 * (piles + 1)) / piles, height: this.view.clientHeight - 24 };
    const scale = Math.min(room.width / width, room.height / height);
    this.view.style.setProperty("--frame-width", `${Math.floor(width * scale)}px`);
    this.view.style.setProperty("--frame-height", `${Math.floor(height * scale)}px`);
    this.scale = scale;
  }

  told() {
    const { zoom } = this.zoom;
    if (this.zoomed) this.zoomed.textContent = zoom > 1 ? `${Math.round(zoom * 100)} % · double click resets` : "";
    this.view.classList.toggle("is-pixelated", (this.scale ?? 1) * zoom >= 4);
  }

  moveEdge(share) {
    this.wipe = clamped(share, 0, 1);
    this.view.style.setProperty("--wipe", `${this.wipe * 100}%`);
    this.edge?.setAttribute("aria-valuenow", Math.round(this.wipe * 100));
  }

  /** Dragging moves the edge; once zoomed, only the edge's handle does and the rest pans. */
  grabbed(event) {
    const onEdge = event.target.closest(".gv-edge");
    if (this.viewer.state.mode !== "wipe" || !(onEdge || (this.zoom.zoom === 1 && event.target.closest(".gv-pile")))) return;
    event.preventDefault();
    this.pulling = true;
    this.view.setPointerCapture(event.pointerId);
    this.edge.focus({ preventScroll: true });
    this.pulled(event);
  }

  pulled(event) {
    if (!this.pulling) return;
    const box = this.view.querySelector(".gv-pile").getBoundingClientRect();
    this.moveEdge((event.clientX - box.left) / box.width);
  }

  /** |A − B| on a canvas; numbers where the browser lets pictures from disk be read. */
  async subtract() {
    const { grid } = this.viewer;
    const urls = this.cells.map((cell) => grid.url(cell));
    const canvas = this.canvas;
    if (urls.some((url) => !url)) return void (this.numbers.textContent = "There are no two pictures to compare.");
    const [one, other] = await Promise.all(urls.map(loaded));
    if (canvas !== this.canvas) return;
    const scale = Math.min(1, 2048 / Math.max(one.naturalWidth, one.naturalHeight));
    canvas.width = Math.round(one.naturalWidth * scale);
    canvas.height = Math.round(one.naturalHeight * scale);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(one, 0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = "difference";
    pen.drawImage(other, 0, 0, canvas.width, canvas.height);
    this.numbers.textContent = urls[0] === urls[1] ? "Identical: one and the same picture." : difference(pen, canvas);
  }

  /** Another cell in place of B, or of the one shown. */
  walk(step) {
    const { viewer } = this;
    if (viewer.state.mode === "one") {
      viewer.move(...step);
      return;
    }
    const at = [...viewer.grid.cells[viewer.state.b].at];
    at[viewer.state.columns] += step[0];
    at[viewer.state.rows] += step[1];
    const index = viewer.grid.indexAt(at);
    if (index >= 0) viewer.set({ b: index });
  }
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** The numbers of a difference, in words. */
function difference(pen, { width, height }) {
  let pixels;
  try {
    pixels = pen.getImageData(0, 0, width, height).data;
  } catch {
    return "Black is equal. (Numbers: open the single-file viewer, or the registry's page.)";
  }
  let [sum, most, changed] = [0, 0, 0];
  for (let index = 0; index < pixels.length; index += 4) {
    const largest = Math.max(pixels[index], pixels[index + 1], pixels[index + 2]);
    sum += pixels[index] + pixels[index + 1] + pixels[index + 2];
    most = Math.max(most, largest);
    changed += largest > 0;
  }
  if (!most) return "Identical, pixel by pixel.";
  const count = pixels.length / 4;
  return `mean ${(sum / count / 3).toFixed(2)} · largest ${most} of 255 · ${((100 * changed) / count).toFixed(1)} % of the pixels differ`;
}
