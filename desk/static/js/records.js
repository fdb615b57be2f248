/* The cards a page knows. Those around the view are kept whole; of all others only when they came and with which page,
   so that a tab with a hundred thousand cards stays small. What is seen again is asked for again, a page at a time, and
   singly where it is no longer on its page. Knows nothing of how cards look. */

const MOST_WHOLE = 1200;
const SLACK = 300;
const REST_MS = 60;
const AGAIN_MS = 5000;

export class Records {
  /** `askPage(cursor)` and `askOne(id)` fetch, `came(cards)` and `gone(id)` are told of what they brought, `isPinned(id)`
      says what is kept whole wherever the view is, `indexOf(id)` where a card stands. */
  constructor({ askPage, askOne, came, gone, isPinned, indexOf, most = MOST_WHOLE }) {
    Object.assign(this, { askPage, askOne, came, gone, isPinned, indexOf, most });
    this.whole = new Map();
    this.stale = new Set();
    this.placed_ms = new Map();
    this.cursors = new Map();
    this.seen = [];
    this.wanted = [];
    this.timer = 0;
    this.isAsking = false;
    this.epoch = 0;
    this.isOldestFirst = false;
  }

  get(id) { return this.whole.get(id); }
  has(id) { return this.whole.has(id); }
  values() { return this.whole.values(); }

  set(id, card) {
    this.whole.set(id, card);
    this.stale.delete(id);
    this.placed_ms.set(id, Date.parse(card.placed_at));
  }

  delete(id) {
    this.whole.delete(id);
    this.stale.delete(id);
    this.placed_ms.delete(id);
    this.cursors.delete(id);
  }

  /** As the server orders them, the newest or the oldest first; also for cards that are not whole. */
  compare(a, b) {
    const isAfter = (this.placed_ms.get(b) ?? 0) - (this.placed_ms.get(a) ?? 0) || b - a;
    return this.isOldestFirst ? -isAfter : isAfter;
  }

  /** Another list begins: what was known of pages belongs to the former one. */
  startOver({ isOldestFirst = false } = {}) {
    this.epoch += 1;
    this.isOldestFirst = isOldestFirst;
    this.cursors.clear();
    this.wanted = [];
    for (const id of this.placed_ms.keys()) if (!this.whole.has(id)) this.placed_ms.delete(id);
  }

  /** These cards came with the page behind this cursor (null: the first). */
  cameWith(ids, cursor) { for (const id of ids) this.cursors.set(id, cursor); }

  /** What is here may be old by now: it stays until it is seen, and is then asked for again. */
  doubt() { this.stale = new Set(this.whole.keys()); }

  #lacks(id) { return !this.whole.has(id) || this.stale.has(id); }

  /** These are in the view: what of them is missing is fetched once the scrolling rests. */
  see(ids) {
    if (!ids.length) return;
    this.seen = [ids[0], ids.at(-1)];
    this.tidy();
    this.wanted = ids.filter((id) => this.#lacks(id));
    if (!this.wanted.length) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#fetch(), REST_MS);
  }

  /** Lets go of what is far from the view, if there is much of it. */
  tidy() {
    if (this.whole.size <= this.most + SLACK) return;
    const [from = 0, to = 0] = this.seen.map((id) => this.indexOf(id));
    const far = (id) => {
      const at = this.indexOf(id);
      return at < 0 ? Infinity : at < from ? from - at : Math.max(0, at - to);
    };
    const rows = [];
    for (const id of this.whole.keys()) if (!this.isPinned(id)) rows.push([far(id), id]);
    rows.sort((a, b) => (a[0] === b[0] ? 0 : b[0] - a[0]));
    for (const [away, id] of rows.slice(0, this.whole.size - this.most)) {
      if (!away) break;
      if (away === Infinity) this.delete(id);
      else {
        this.whole.delete(id);
        this.stale.delete(id);
      }
    }
  }

  /** One card whole, for an act on it; null where it cannot be had. */
  async bring(id) {
    if (this.#lacks(id)) await this.#one(id, this.epoch);
    return this.whole.get(id) ?? null;
  }

  /** Fetches what is wanted, until all of it is there or the server is not reached. */
  async #fetch() {
    if (this.isAsking) return;
    this.isAsking = true;
    const pages = new Set();
    const singly = new Set();
    const next = () => this.wanted.find((id) => this.#lacks(id) && !singly.has(id) && this.indexOf(id) >= 0);
    try {
      for (let id = next(); id !== undefined; id = next()) {
        const cursor = this.cursors.get(id);
        if (cursor === undefined || pages.has(cursor)) {
          singly.add(id);
          await this.#one(id, this.epoch);
        } else {
          pages.add(cursor);
          await this.#page(cursor, this.epoch);
        }
      }
    } catch (error) {
      this.timer = setTimeout(() => this.#fetch(), AGAIN_MS);
      if (!("status" in error)) throw error;
    } finally {
      this.isAsking = false;
    }
  }

  async #page(cursor, epoch) {
    const page = await this.askPage(cursor);
    if (epoch === this.epoch) this.came(page.cards);
  }

  async #one(id, epoch) {
    try {
      const card = await this.askOne(id);
      if (epoch === this.epoch) this.came([card]);
    } catch (error) {
      if (error.status !== 404) throw error;
      if (epoch === this.epoch) this.gone(id);
    }
  }
}
