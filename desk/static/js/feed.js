/* A windowed grid: a hundred thousand keys, a few dozen elements in the page. One height per shape and density makes the
   window pure arithmetic. Elements keep their card (by key), so focus, selection and a playing wave survive scrolling; one
   whose card has left the window is given to a card that comes in. Whoever scrolls faster than cards can be filled sees
   empty frames first, and what stands in them with the next frames. */

/** As many cards as ever stand in the page, however large the screen; the kept one is among them. */
export const MOST_SHOWN = 120;
const SPARE_ROWS = 2;
/** Whoever is on the way down gets the next part before the end is in sight, in a long list long before. */
const AHEAD = 60;
const AHEAD_FAR = 200;
/** So long a frame of scrolling may spend on what stands in new cards: style, layout and paint cost ten times as much. */
const FILL_MS = 1;
/** And one that has not moved since the last. */
const STILL_FILL_MS = 2;
/** So many elements at most a frame puts in order. */
const MOST_MOVED = 4;
/** Whoever goes on by more than this in one frame, five screens a second, reads nothing: frames pass, and come in time. The
    slower the machine, the sooner that is so, and the less it has to do then. */
const RUSH_PX = 100;
/** So many elements without a card are kept: whoever rushes is shown frames, and wants the cards back a moment later. */
const MOST_SPARE = 40;
/** A turn of the shape fills first what is in view. */
const TURN_FILL_MS = 3;
/** So long after the last scrolling the list counts as at rest. */
const REST_MS = 150;
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

/** First and one past the last index that a scroll position shows, with rows to spare above and below. Always as many rows
    as can be seen at most: a row that is now needed and now not would be taken out of the page and put back. */
export function windowOf({ scroll_px, view_px, row_px, columns, count, spare_rows = SPARE_ROWS }) {
  const top = Math.floor(scroll_px / row_px);
  const first = Math.max(0, top - spare_rows);
  const last = top + Math.ceil(view_px / row_px) + 1 + spare_rows;
  return [Math.min(count, first * columns), Math.min(count, last * columns)];
}

/** The frame of a card with nothing in it. */
function blankCard() {
  const element = document.createElement("article");
  element.className = "card is-loading";
  element.setAttribute("aria-busy", "true");
  element.setAttribute("aria-setsize", "-1");
  return element;
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
    this.blanks = new Set();
    this.spare = [];
    this.kept = null;
    this.sizer = sizer;
    this.frame = 0;
    this.resting = 0;
    this.stood_px = 0;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.hold()).observe(scroller);
    this.measure();
  }

  setKeys(keys) {
    this.keys = [...keys];
    this.indexes = new Map();
    for (const [index, key] of this.keys.entries()) this.indexes.set(key, index);
    this.draw({ all: true });
  }

  append(keys) {
    for (const key of keys) if (!this.indexes.has(key)) this.indexes.set(key, this.keys.push(key) - 1);
    this.draw({ fill_ms: FILL_MS });
  }

  indexOf(key) { return this.indexes.get(key) ?? -1; }
  elementOf(key) { return this.shown.get(key) ?? null; }

  /** Keeps one key in the page wherever the view is: the focused card must not lose its focus. */
  keep(key) { this.kept = key; }

  measure() {
    if (this.#read()) this.draw({ all: true });
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
    // out of sight until all stand where they belong, so that style and layout are worked out once
    this.sizer.style.contentVisibility = "hidden";
    change();
    const isRead = this.#read();
    if (isRead) {
      this.#size();
      if (index >= 0) {
        const lowest_px = Math.max(0, this.scroller.clientHeight - this.height_px - BAR_PX);
        const top = this.#topOf(index);
        this.scroller.scrollTop = wasAtTop && top <= lowest_px ? 0 : top - Math.min(lowest_px, Math.max(0, stood_px));
      }
    }
    const view = this.#view();
    this.sizer.style.contentVisibility = "";
    if (isRead) this.draw({ all: true, refill, fill_ms: refill ? TURN_FILL_MS : Infinity, view });
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

  #scrolled() {
    if (this.resting) clearTimeout(this.resting);
    else this.sizer.classList.add("is-moving");
    this.resting = setTimeout(() => this.#rest(), REST_MS);
    this.#later();
  }

  #rest() {
    this.resting = 0;
    this.sizer.classList.remove("is-moving");
    this.#later();
  }

  #later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const { scrollTop } = this.scroller;
      const by_px = Math.abs(scrollTop - this.stood_px);
      this.stood_px = scrollTop;
      this.draw({ fill_ms: by_px > RUSH_PX ? 0 : by_px ? FILL_MS : STILL_FILL_MS, most_moved: MOST_MOVED });
    });
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
    const height = `${Math.max(0, rows * this.row_px - this.gap_px)}px`;
    if (this.sizer.style.height !== height) this.sizer.style.height = height;
  }

  #view() {
    const { scrollTop, clientHeight } = this.scroller;
    return { scroll_px: scrollTop, view_px: clientHeight };
  }

  /** Brings the page up to the view. `all` places every card anew, `refill` fills it anew; with `fill_ms`, cards for which
      there is no time left stand as empty frames until the next; with `most_moved`, no more are put in order at once. */
  draw({ all = false, refill = false, fill_ms = Infinity, most_moved = Infinity, view = this.#view() } = {}) {
    if (!this.columns) return;
    this.#size();
    const [from, to] = windowOf({ ...view, row_px: this.row_px, columns: this.columns, count: this.keys.length });
    const wanted = new Set(this.keys.slice(from, to));
    if (this.kept !== null && this.indexes.has(this.kept)) wanted.add(this.kept);
    const free = this.#release(wanted);
    const order = [...wanted].sort((a, b) => this.indexes.get(a) - this.indexes.get(b));
    const until_ms = performance.now() + fill_ms;
    for (const key of this.#seenFirst(order, view)) {
      const before = this.shown.get(key);
      const isInTime = key === this.kept || performance.now() < until_ms;
      if (!before || refill || (isInTime && this.blanks.has(key))) this.#furnish(key, isInTime, free);
      if (all || this.shown.get(key) !== before) this.#place(this.shown.get(key), this.indexes.get(key));
    }
    this.shown = new Map(order.map((key) => [key, this.shown.get(key)]));
    for (const spare of [...free.whole, ...free.blank]) spare.remove();
    this.spare = [...this.spare, ...free.whole].slice(-MOST_SPARE);
    for (const element of this.shown.values()) if (!element.isConnected) this.sizer.append(element);
    const isOrderPutOff = this.resting && !all;
    if (!isOrderPutOff && !this.#arrange(most_moved) || this.blanks.size) this.#later();
    if (!this.keys.length) return;
    this.shows(from, to);
    if (to >= this.keys.length - this.#ahead()) this.near();
  }

  /** What is in view before what waits above and below it. */
  #seenFirst(order, { scroll_px, view_px }) {
    const isSeen = (key) => {
      const top = this.#topOf(this.indexes.get(key));
      return top < scroll_px + view_px && top + this.height_px > scroll_px;
    };
    return [...order.filter(isSeen), ...order.filter((key) => !isSeen(key))];
  }

  /** Gives a card an element with its content, or an empty frame if there is no time for more. */
  #furnish(key, isInTime, free) {
    const known = this.shown.get(key);
    if (known && this.blanks.has(key) !== isInTime) {
      if (isInTime) this.fill(known, key, this.indexes.get(key));
      return;
    }
    if (known) this.#drop(key, free);
    if (isInTime) this.#give(key, free.whole.shift() ?? this.spare.pop() ?? this.make(key));
    else this.#giveBlank(key, free.blank.shift() ?? blankCard());
  }

  #ahead() { return this.keys.length > 2 * AHEAD_FAR ? AHEAD_FAR : this.keys.length > 2 * AHEAD ? AHEAD : this.columns * 4; }

  /** Takes the elements of what is not wanted any more, for others. */
  #release(wanted) {
    const free = { whole: [], blank: [] };
    for (const key of this.shown.keys()) if (!wanted.has(key)) this.#drop(key, free);
    return free;
  }

  #drop(key, free) {
    (this.blanks.delete(key) ? free.blank : free.whole).push(this.shown.get(key));
    this.shown.delete(key);
  }

  #give(key, element) {
    this.shown.set(key, element);
    this.fill(element, key, this.indexes.get(key));
  }

  #giveBlank(key, element) {
    element.dataset.id = key;
    this.blanks.add(key);
    this.shown.set(key, element);
  }

  /** Puts the elements into the order of their cards, for whoever has them read out; false if more than `most` had to be
      moved. Where they stand on screen is not up to that, and moving one costs as much as making it: a list that is being
      scrolled is put in order when it has come to rest. The kept one is never moved: it may have the focus. */
  #arrange(most) {
    const elements = [...this.shown.values()];
    const kept = Math.max(0, elements.indexOf(this.shown.get(this.kept)));
    let left = most;
    for (let at = kept - 1; at >= 0; at -= 1) {
      if (elements[at].nextElementSibling === elements[at + 1]) continue;
      if (left-- <= 0) return false;
      elements[at + 1].before(elements[at]);
    }
    for (let at = kept + 1; at < elements.length; at += 1) {
      if (elements[at].previousElementSibling === elements[at - 1]) continue;
      if (left-- <= 0) return false;
      elements[at - 1].after(elements[at]);
    }
    return true;
  }

  /** First and one past the last card of which at least half is in the view. */
  inView() {
    const [from, to] = [this.scroller.scrollTop + this.height_px / 2, this.scroller.scrollTop + this.scroller.clientHeight - this.height_px / 2];
    const rows = { from: Math.max(0, Math.ceil(from / this.row_px)), to: Math.max(1, Math.floor(to / this.row_px) + 1) };
    return { from: rows.from * this.columns, to: Math.min(this.keys.length, rows.to * this.columns) };
  }

  refresh(key) {
    if (this.blanks.delete(key)) this.#fillBlank(key);
    else if (this.shown.has(key)) this.fill(this.shown.get(key), key, this.indexes.get(key));
  }

  #fillBlank(key) {
    const blank = this.shown.get(key);
    this.#give(key, this.spare.pop() ?? this.make(key));
    this.#place(this.shown.get(key), this.indexes.get(key));
    blank.replaceWith(this.shown.get(key));
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
