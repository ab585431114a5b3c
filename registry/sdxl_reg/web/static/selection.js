// What is selected in a list of tiles: by mouse, by finger, and by keyboard as in a file manager.

/** Selection over the `li[data-member]` of a list; `onChange` is told whenever it is another. */
export class Selection {
  constructor(list, onChange) {
    this.chosen = new Set();
    this.isAll = false; // everything that matches, also what is not on the page
    this.onChange = onChange;
    this.attach(list);
  }

  /** Take up a list, perhaps in place of an earlier one; what is still there stays selected. */
  attach(list) {
    this.list = list;
    this.anchor = 0;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-multiselectable", "true");
    list.addEventListener("click", (event) => this.#clicked(event));
    list.addEventListener("auxclick", (event) => this.#openBeside(event));
    list.addEventListener("dblclick", (event) => this.#open(event.target.closest("[data-member]")));
    list.addEventListener("keydown", (event) => this.#pressed(event));
    list.addEventListener("focusin", (event) => this.#reached(event.target.closest("[data-member]")));
    this.adopt();
  }

  /** Make options of the tiles that came since; an option holds no links, so it opens by itself. */
  adopt() {
    for (const tile of this.list.querySelectorAll("[data-member]:not([role])")) {
      tile.setAttribute("role", "option");
      tile.setAttribute("aria-label", `${tile.querySelector(".text").textContent}, ${tile.querySelector(".path").textContent}`);
      tile.tabIndex = -1;
      for (const link of tile.querySelectorAll("a")) link.removeAttribute("href");
    }
    this.tiles = [...this.list.querySelectorAll("[data-member]")];
    if (!this.tiles.some((tile) => tile.tabIndex === 0) && this.tiles.length) this.tiles[0].tabIndex = 0;
    this.#show();
  }

  get count() {
    return this.isAll ? Number(this.list.dataset.total) : this.chosen.size;
  }

  /** What the API calls it. */
  get which() {
    if (!this.isAll) return { members: [...this.chosen].map(Number) };
    return { tag: this.list.dataset.tag, select: this.list.dataset.select };
  }

  clear() {
    this.chosen.clear();
    this.isAll = false;
    this.#show();
  }

  takePage() {
    for (const tile of this.tiles) this.chosen.add(tile.dataset.member);
    this.#show();
  }

  takeAll() {
    this.takePage();
    this.isAll = true;
    this.#show();
  }

  #clicked(event) {
    const tile = event.target.closest("[data-member]");
    if (!tile || event.button !== 0) return;
    const byFinger = event.pointerType === "touch";
    if (event.target.closest(".path")) return this.#openBeside(event) || this.#open(tile);
    if (byFinger && !event.target.closest(".mark") && !this.chosen.size) return this.#open(tile);
    event.preventDefault();
    const place = this.tiles.indexOf(tile);
    const more = event.ctrlKey || event.metaKey || byFinger || event.target.closest(".mark");
    if (event.shiftKey) this.#range(place);
    else if (more) this.#toggle(place);
    else this.#only(place);
    this.#focus(place);
  }

  #pressed(event) {
    const place = this.tiles.indexOf(event.target.closest("[data-member]"));
    if (place < 0 || event.altKey) return;
    const isCommand = event.ctrlKey || event.metaKey;
    const next = this.#neighbour(event.key, place);
    if (next !== null && !isCommand) {
      if (event.shiftKey) this.#range(next);
      else this.anchor = next;
      this.#focus(next);
    } else if (event.key === " ") {
      if (event.shiftKey) this.#range(place);
      else this.#toggle(place);
    } else if (event.key === "Enter") this.#open(this.tiles[place]);
    else if (event.key === "Escape" && this.count) this.clear();
    else if (isCommand && event.key.toLowerCase() === "a") this.takePage();
    else return;
    event.preventDefault();
  }

  /** Where a key leads to; null for keys that lead nowhere. */
  #neighbour(key, place) {
    const last = this.tiles.length - 1;
    const row = this.#columns();
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, PageUp: -3 * row, PageDown: 3 * row };
    if (key === "Home") return 0;
    if (key === "End") return last;
    if (!(key in steps)) return null;
    const next = place + steps[key];
    if (key === "ArrowUp" && next < 0) return place;
    return Math.max(0, Math.min(last, next));
  }

  #columns() {
    const top = this.tiles[0].offsetTop;
    const next = this.tiles.findIndex((tile) => tile.offsetTop !== top);
    return next < 0 ? this.tiles.length : next;
  }

  #only(place) {
    this.chosen.clear();
    this.#toggle(place);
  }

  #toggle(place) {
    const { member } = this.tiles[place].dataset;
    if (this.isAll || this.chosen.has(member)) this.chosen.delete(member);
    else this.chosen.add(member);
    this.isAll = false;
    this.anchor = place;
    this.#show();
  }

  #range(place) {
    const [first, last] = [Math.min(this.anchor, place), Math.max(this.anchor, place)];
    this.chosen = new Set(this.tiles.slice(first, last + 1).map((tile) => tile.dataset.member));
    this.isAll = false;
    this.#show();
  }

  #focus(place) {
    this.tiles[place].focus({ preventScroll: false });
    this.tiles[place].scrollIntoView({ block: "nearest" });
  }

  #reached(tile) {
    if (!tile) return;
    for (const other of this.tiles) other.tabIndex = other === tile ? 0 : -1;
  }

  #open(tile) {
    if (tile) location.assign(tile.dataset.href);
  }

  /** In a tab beside, where the middle button or Ctrl asks for one; whether they did. */
  #openBeside(event) {
    const tile = event.target.closest("[data-member]");
    const isAsked = event.button === 1 || ((event.ctrlKey || event.metaKey) && event.target.closest(".path"));
    if (tile && isAsked) window.open(tile.dataset.href, "_blank", "noopener");
    return Boolean(tile && isAsked);
  }

  #show() {
    for (const tile of this.tiles) {
      tile.setAttribute("aria-selected", String(this.isAll || this.chosen.has(tile.dataset.member)));
    }
    this.onChange(this);
  }
}
