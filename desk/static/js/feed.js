/* A windowed grid: a hundred thousand keys, a few dozen elements in the page. One height per shape and density makes the
   window pure arithmetic. Elements keep their card (by key), so focus, selection and a playing wave survive scrolling. */

/** As many cards as ever stand in the page, however large the screen; the kept one is among them. */
export const MOST_SHOWN = 120;
const SPARE_ROWS = 2;
/** Whoever is on the way down gets the next part before the end is in sight. */
const AHEAD = 60;
/** What floats over the foot of the list: the cards below it count as not seen. */
const BAR_PX = 120;

/** Columns and widths as `repeat(auto-fill, minmax(min, 1fr))` would give them, but no more columns than `most`. */
export function gridOf(width_px, min_px, gap_px, most = Infinity) {
  const columns = Math.max(1, Math.min(most, Math.floor((width_px + gap_px) / (min_px + gap_px))));
  return { columns, card_px: (width_px - gap_px * (columns - 1)) / columns };
}

/** The most columns with which a window of this height stays within MOST_SHOWN. */
export function mostColumns(view_px, row_px) {
  return Math.max(1, Math.floor((MOST_SHOWN - 1) / (Math.ceil(view_px / row_px) + 1 + 2 * SPARE_ROWS)));
}

/** First and one past the last index that a scroll position shows, with rows to spare above and below. */
export function windowOf({ scroll_px, view_px, row_px, columns, count, spare_rows = SPARE_ROWS }) {
  const first = Math.max(0, Math.floor(scroll_px / row_px) - spare_rows);
  const last = Math.ceil((scroll_px + view_px) / row_px) + spare_rows;
  return [Math.min(count, first * columns), Math.min(count, last * columns)];
}

export class Feed {
  /** `make(key)` gives a fresh element, `fill(element, key, index)` puts its content in, `near()` is called close to the end,
      `shows(from, to)` after every drawing. `sizer` inside the scroller holds the cards and is as high as all of them. */
  constructor(scroller, { make, fill, near, shows = () => {} }, sizer) {
    this.scroller = scroller;
    this.make = make;
    this.fill = fill;
    this.near = near;
    this.shows = shows;
    this.keys = [];
    this.indexes = new Map();
    this.shown = new Map();
    this.kept = null;
    this.sizer = sizer;
    this.frame = 0;
    scroller.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.hold()).observe(scroller);
    this.measure();
  }

  setKeys(keys) {
    this.keys = [...keys];
    this.indexes = new Map();
    for (const [index, key] of this.keys.entries()) this.indexes.set(key, index);
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
    if (this.#read()) this.draw(true);
  }

  #read() {
    const style = getComputedStyle(this.scroller);
    this.gap_px = parseFloat(style.getPropertyValue("--card-gap")) || 10;
    this.height_px = parseFloat(style.getPropertyValue("--card-h")) || 196;
    this.pad_px = parseFloat(style.paddingLeft) || 0;
    this.row_px = this.height_px + this.gap_px;
    const width_px = this.scroller.clientWidth - 2 * this.pad_px;
    if (width_px <= 0) return false;
    const least_px = Math.min(width_px, parseFloat(style.getPropertyValue("--card-min")) || 296);
    const grid = gridOf(width_px, least_px, this.gap_px, mostColumns(this.scroller.clientHeight, this.row_px));
    this.columns = grid.columns;
    this.card_px = grid.card_px;
    return true;
  }

  /** Changes the geometry (shape, density, width) under the reader's eyes: one card stays where it stands in the view, the
      kept one if it is seen, else the first that is. `refill` puts every card's content in anew. */
  hold(change = () => {}, { refill = false } = {}) {
    const index = this.columns ? this.#anchor() : -1;
    const stood_px = index < 0 ? 0 : this.#topOf(index) - this.scroller.scrollTop;
    const wasAtTop = this.scroller.scrollTop <= 0;
    change();
    if (!this.#read()) return;
    if (refill) for (const [key, element] of this.shown) this.fill(element, key, this.indexes.get(key));
    this.#size();
    if (index >= 0) {
      const lowest_px = Math.max(0, this.scroller.clientHeight - this.height_px - BAR_PX);
      const top = this.#topOf(index);
      this.scroller.scrollTop = wasAtTop && top <= lowest_px ? 0 : top - Math.min(lowest_px, Math.max(0, stood_px));
    }
    this.draw(true);
  }

  #topOf(index) { return Math.floor(index / this.columns) * this.row_px; }

  /** The card to hold on to while the geometry changes. */
  #anchor() {
    const { scrollTop, clientHeight } = this.scroller;
    const isSeen = (index) => index >= 0 && this.#topOf(index) + this.height_px > scrollTop && this.#topOf(index) < scrollTop + clientHeight;
    const kept = this.indexOf(this.kept);
    if (isSeen(kept)) return kept;
    const first = Math.ceil(scrollTop / this.row_px) * this.columns;
    return first < this.keys.length ? first : this.keys.length - 1;
  }

  #later() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  #place(element, index) {
    const x = (index % this.columns) * (this.card_px + this.gap_px);
    const y = this.#topOf(index);
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.style.width = `${this.card_px}px`;
    element.style.height = `${this.height_px}px`;
    element.setAttribute("aria-posinset", index + 1);
  }

  #size() {
    const rows = Math.ceil(this.keys.length / this.columns);
    this.sizer.style.height = `${Math.max(0, rows * this.row_px - this.gap_px)}px`;
  }

  draw(all = false) {
    if (!this.columns) return;
    this.#size();
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
    if (!this.keys.length) return;
    this.shows(from, to);
    if (to >= this.keys.length - (this.keys.length > 2 * AHEAD ? AHEAD : this.columns * 4)) this.near();
  }

  /** First and one past the last card of which at least half is in the view. */
  inView() {
    const [from, to] = [this.scroller.scrollTop + this.height_px / 2, this.scroller.scrollTop + this.scroller.clientHeight - this.height_px / 2];
    const rows = { from: Math.max(0, Math.ceil(from / this.row_px)), to: Math.max(1, Math.floor(to / this.row_px) + 1) };
    return { from: rows.from * this.columns, to: Math.min(this.keys.length, rows.to * this.columns) };
  }

  refresh(key) {
    const element = this.shown.get(key);
    if (element) this.fill(element, key, this.indexes.get(key));
  }

  /** Scrolls as little as needed to show the whole card; the floating bar never hides it. */
  reveal(key, spare_px = BAR_PX) {
    const index = this.indexOf(key);
    if (index < 0) return;
    const top = this.#topOf(index);
    const view = this.scroller.clientHeight - spare_px;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = Math.max(0, top - 8);
    else if (top + this.height_px > this.scroller.scrollTop + view) this.scroller.scrollTop = top + this.height_px - view;
    this.draw();
  }
}
