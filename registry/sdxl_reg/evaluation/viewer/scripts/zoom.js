// Zoom that many pictures share: three properties on one element, read by each picture below it.

class Zoom {
  /**
   * @param root carries --zoom, --pan-x and --pan-y; pans are fractions of a picture's own size
   * @param options frame: selector of what a picture is seen through; wheel: whether a plain wheel
   *   zooms; changed: called after each change
   */
  constructor(root, { frame, wheel, changed }) {
    Object.assign(this, { root, frame, wheel, changed, zoom: 1, x: 0, y: 0, drag: null });
    root.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.pressed(event));
    root.addEventListener("pointermove", (event) => this.moved(event));
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => this.released());
    root.addEventListener("click", (event) => this.clicked(event), { capture: true });
  }

  set(zoom, x, y) {
    this.zoom = clamped(zoom, 1, 16);
    this.x = clamped(x, 1 - this.zoom, 0);
    this.y = clamped(y, 1 - this.zoom, 0);
    this.root.style.setProperty("--zoom", this.zoom);
    this.root.style.setProperty("--pan-x", `${this.x * 100}%`);
    this.root.style.setProperty("--pan-y", `${this.y * 100}%`);
    this.root.classList.toggle("is-zoomed", this.zoom > 1);
    this.changed?.();
  }

  /** Zoom about a point of the picture's frame, both from 0 to 1. */
  by(factor, atX = 0.5, atY = 0.5) {
    const zoom = clamped(this.zoom * factor, 1, 16);
    const kept = zoom / this.zoom;
    this.set(zoom, atX - (atX - this.x) * kept, atY - (atY - this.y) * kept);
  }

  reset() {
    this.set(1, 0, 0);
  }

  wheeled(event) {
    const frame = event.target.closest(this.frame);
    if (!frame || !(event.ctrlKey || event.metaKey || event.altKey || this.wheel())) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 20 : 1;
    this.by(Math.exp(-event.deltaY * lines * 0.0022), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  pressed(event) {
    const frame = event.target.closest(this.frame);
    if (!frame || this.zoom === 1 || event.button !== 0) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    this.drag = { x: event.clientX, y: event.clientY, fromX: this.x, fromY: this.y, width: box.width, height: box.height, far: false, id: event.pointerId };
  }

  moved(event) {
    const drag = this.drag;
    if (!drag) return;
    const [right, down] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.far && Math.hypot(right, down) > 4) {
      drag.far = true;
      this.root.setPointerCapture(drag.id);
      this.root.classList.add("is-dragged");
    }
    if (drag.far) this.set(this.zoom, drag.fromX + right / drag.width, drag.fromY + down / drag.height);
  }

  released() {
    this.swallow = Boolean(this.drag?.far);
    this.drag = null;
    this.root.classList.remove("is-dragged");
    setTimeout(() => (this.swallow = false));
  }

  /** The click that ends a drag is none. */
  clicked(event) {
    if (!this.swallow) return;
    event.stopPropagation();
    event.preventDefault();
  }
}
