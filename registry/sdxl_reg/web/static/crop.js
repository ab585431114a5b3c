// A frame on a picture: drawn anew, moved, or pulled by its corners. Boxes are fractions.
const svgSpace = "http://www.w3.org/2000/svg";
const least = 8; // pixels of the picture

export class CropFrame {
  constructor(svg, onChange) {
    this.svg = svg;
    this.onChange = onChange;
    this.size = { width: Number(svg.dataset.width), height: Number(svg.dataset.height) };
    this.box = null;
    svg.addEventListener("pointerdown", (event) => this.#begin(event));
    svg.addEventListener("pointermove", (event) => this.#go(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => (this.pull = null));
  }

  start(box) {
    this.svg.classList.add("is-edited");
    this.show(box);
  }

  stop(box) {
    this.svg.classList.remove("is-edited");
    this.box = null;
    if (box) this.draw(box, []);
    else this.svg.replaceChildren();
  }

  show(box) {
    this.draw(box);
    this.onChange(this.box);
  }

  /** The largest square around the middle of the frame, within the picture. */
  square() {
    const [left, top, right, bottom] = this.#pixels();
    const side = Math.min(right - left, bottom - top);
    const x = (left + right - side) / 2;
    const y = (top + bottom - side) / 2;
    this.#set([x, y, x + side, y + side]);
  }

  draw(box, corners = [[0, 1], [2, 1], [2, 3], [0, 3]]) {
    this.box = box;
    const { width, height } = this.size;
    const [left, top, right, bottom] = this.#pixels();
    const veil = this.#made("path", { class: "veil", "fill-rule": "evenodd", d: `M0 0H${width}V${height}H0Z M${left} ${top}H${right}V${bottom}H${left}Z` });
    const edge = this.#made("rect", { class: "edge", x: left, y: top, width: right - left, height: bottom - top });
    const radius = Math.max(width, height) / 60;
    const pixels = this.#pixels();
    const dots = corners.map(([x, y]) => this.#made("circle", { class: "corner", cx: pixels[x], cy: pixels[y], r: radius, "data-x": x, "data-y": y }));
    this.svg.replaceChildren(veil, edge, ...dots);
  }

  #pixels() {
    const { width, height } = this.size;
    return this.box.map((edge, at) => edge * (at % 2 ? height : width));
  }

  #begin(event) {
    if (!this.svg.classList.contains("is-edited") || event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const [x, y] = this.#at(event);
    const from = this.#pixels();
    const { x: cornerX, y: cornerY } = event.target.dataset;
    const isWhole = this.box.every((edge, at) => edge === (at < 2 ? 0 : 1));
    const isInside = x > from[0] && x < from[2] && y > from[1] && y < from[3];
    if (cornerX !== undefined) this.pull = { kind: "corner", x: Number(cornerX), y: Number(cornerY), from };
    else if (isInside && !isWhole) this.pull = { kind: "move", start: [x, y], from };
    else this.pull = { kind: "draw", start: [x, y] };
  }

  #go(event) {
    if (!this.pull) return;
    const [x, y] = this.#at(event);
    if (this.pull.kind === "draw") {
      const [startX, startY] = this.pull.start;
      this.#set([Math.min(x, startX), Math.min(y, startY), Math.max(x, startX), Math.max(y, startY)]);
    } else if (this.pull.kind === "move") this.#move(x, y);
    else {
      const box = [...this.pull.from];
      box[this.pull.x] = x;
      box[this.pull.y] = y;
      this.#set([Math.min(box[0], box[2]), Math.min(box[1], box[3]), Math.max(box[0], box[2]), Math.max(box[1], box[3])]);
    }
  }

  #move(x, y) {
    const { width, height } = this.size;
    const [left, top, right, bottom] = this.pull.from;
    const dx = Math.max(-left, Math.min(width - right, x - this.pull.start[0]));
    const dy = Math.max(-top, Math.min(height - bottom, y - this.pull.start[1]));
    this.#set([left + dx, top + dy, right + dx, bottom + dy]);
  }

  #set(pixels) {
    const { width, height } = this.size;
    const whole = pixels.map(Math.round);
    if (whole[2] - whole[0] < least || whole[3] - whole[1] < least) return;
    this.show(whole.map((edge, at) => Math.max(0, Math.min(1, edge / (at % 2 ? height : width)))));
  }

  /** Where the pointer is, in pixels of the picture and inside it. */
  #at(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [Math.max(0, Math.min(this.size.width, x)), Math.max(0, Math.min(this.size.height, y))];
  }

  #made(name, attributes) {
    const element = document.createElementNS(svgSpace, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }
}
