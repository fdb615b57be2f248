/* A windowed grid: thousands of cards in memory, a few dozen in the page. One height per density makes the window
   pure arithmetic. Elements keep their card (by key), so focus, selection and a playing wave survive scrolling. */

/** Columns and widths as `repeat(auto-fill, minmax(min, 1fr))` would give them. */
export function gridOf(width_px, min_px, gap_px) {
  const columns = Math.max(1, Math.floor((width_px + gap_px) / (min_px + gap_px)));
  return { columns, card_px: (width_px - gap_px * (columns - 1)) / columns };
}

/** First and one past the last index that a scroll position shows, with rows to spare above and below. */
export function windowOf({ scroll_px, view_px, row_px, columns, count, spare_rows = 2 }) {
  const first = Math.max(0, Math.floor(scroll_px / row_px) - spare_rows);
  const last = Math.ceil((scroll_px + view_px) / row_px) + spare_rows;
  return [Math.min(count, first * columns), Math.min(count, last * columns)];
}

export class Feed {
  /** `make(key)` gives a fresh element, `fill(element, key, index)` puts its content in, `near()` is called close to the end.
      `sizer` inside the scroller holds the cards and is as high as all of them. */
  constructor(scroller, { make, fill, near }, sizer) {
    this.scroller = scroller;
    this.make = make;
    this.fill = fill;
    this.near = near;
    this.keys = [];
    this.indexes = new Map();
    this.shown = new Map();
    this.kept = null;
    this.sizer = sizer;
    this.frame = 0;
    scroller.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(scroller);
    this.measure();
  }

  setKeys(keys) {
    this.keys = keys;
    this.indexes = new Map(keys.map((key, index) => [key, index]));
    this.draw(true);
  }

  append(keys) {
    for (const key of keys) if (!this.indexes.has(key)) this.indexes.set(key, this.keys.push(key) - 1);
    this.draw();
  }

  indexOf(key) { return this.indexes.get(key) ?? -1; }
  elementOf(key) { return this.shown.get(key) ?? null; }

  /** Keeps one key in the page wherever the view is: the focused card must not lose its focus. */
  keep(key) { this.kept = key; }

  measure() {
    const style = getComputedStyle(this.scroller);
    this.gap_px = parseFloat(style.getPropertyValue("--card-gap")) || 10;
    this.height_px = parseFloat(style.getPropertyValue("--card-h")) || 196;
    this.pad_px = parseFloat(style.paddingLeft) || 0;
    const width_px = this.scroller.clientWidth - 2 * this.pad_px;
    if (width_px <= 0) return;
    const grid = gridOf(width_px, Math.min(width_px, parseFloat(style.getPropertyValue("--card-min")) || 296), this.gap_px);
    this.columns = grid.columns;
    this.card_px = grid.card_px;
    this.row_px = this.height_px + this.gap_px;
    this.draw(true);
  }

  #later() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  #place(element, index) {
    const x = (index % this.columns) * (this.card_px + this.gap_px);
    const y = Math.floor(index / this.columns) * this.row_px;
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.style.width = `${this.card_px}px`;
    element.style.height = `${this.height_px}px`;
    element.setAttribute("aria-posinset", index + 1);
  }

  draw(all = false) {
    if (!this.columns) return;
    const rows = Math.ceil(this.keys.length / this.columns);
    this.sizer.style.height = `${Math.max(0, rows * this.row_px - this.gap_px)}px`;
    const [from, to] = windowOf({ scroll_px: this.scroller.scrollTop, view_px: this.scroller.clientHeight, row_px: this.row_px, columns: this.columns, count: this.keys.length });
    const wanted = new Set(this.keys.slice(from, to));
    if (this.kept !== null && this.indexes.has(this.kept)) wanted.add(this.kept);
    for (const [key, element] of this.shown) {
      if (wanted.has(key)) continue;
      element.remove();
      this.shown.delete(key);
    }
    const order = [...wanted].sort((a, b) => this.indexes.get(a) - this.indexes.get(b));
    let before = this.sizer.firstElementChild;
    for (const key of order) {
      const index = this.indexes.get(key);
      let element = this.shown.get(key);
      const isNew = !element;
      if (isNew) {
        element = this.make(key);
        this.shown.set(key, element);
        this.fill(element, key, index);
      }
      if (isNew || all) this.#place(element, index);
      if (element === before) before = before.nextElementSibling;
      else this.sizer.insertBefore(element, before);
    }
    if (this.keys.length && to >= this.keys.length - this.columns * 4) this.near();
  }

  refresh(key) {
    const element = this.shown.get(key);
    if (element) this.fill(element, key, this.indexes.get(key));
  }

  /** Scrolls as little as needed to show the whole card; the floating bar never hides it. */
  reveal(key, spare_px = 88) {
    const index = this.indexOf(key);
    if (index < 0) return;
    const top = Math.floor(index / this.columns) * this.row_px;
    const view = this.scroller.clientHeight - spare_px;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = Math.max(0, top - 8);
    else if (top + this.height_px > this.scroller.scrollTop + view) this.scroller.scrollTop = top + this.height_px - view;
    this.draw();
  }
}
