"""The cards a page keeps whole and those it asks for again, and how the list's geometry changes under the reader."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

# A list of twenty thousand that comes in parts of two hundred; every request is written down.
RECORDS = """
const { Records } = await load('records');
const card = (at) => ({ id: 20000 - at, placed_at: new Date(2e12 - at * 1000).toISOString() });
const all = Array.from({ length: 20000 }, (_, at) => card(at));
const order = [], indexes = new Map(), asked = [], gone = [], left = new Set();
const partAt = (from) => all.slice(from, from + 200).filter((card) => !left.has(card.id));
const records = new Records({
  askPage: async (cursor) => { asked.push(cursor); return { cards: partAt(cursor ?? 0) }; },
  askOne: async (id) => { asked.push(`card ${id}`); if (id === 9) throw { status: 404 }; return all[20000 - id]; },
  came: (cards) => { for (const card of cards) records.set(card.id, card); },
  gone: (id) => { gone.push(id); indexes.delete(id); },
  isPinned: (id) => id === 20000, indexOf: (id) => indexes.get(id) ?? -1,
});
let most = 0;
for (let from = 0; from < 20000; from += 200) {
  for (const one of partAt(from)) { records.set(one.id, one); indexes.set(one.id, order.push(one.id) - 1); }
  records.cameWith(order.slice(from), from || null);
  records.see(order.slice(-40));
  most = Math.max(most, records.whole.size);
}
const until = async (isSo) => {
  for (let tries = 0; tries < 300 && !isSo(); tries += 1) await new Promise(requestAnimationFrame);
  return isSo();
};
const seeAgain = (from) => {
  const ids = order.slice(from, from + 40);
  records.see(ids);
  return until(() => ids.every((id) => records.has(id) || gone.includes(id)));
};
"""


def test_a_long_way_down_keeps_few_cards_whole_and_fetches_them_again_on_the_way_back(bench: Any) -> None:
    most, focused, seen, asked = bench.run(
        RECORDS + "const isThere = await seeAgain(5000); return [most, records.has(20000), isThere, asked];"
    )

    assert most <= 1500
    assert focused is True
    assert seen is True
    assert asked == [5000]


def test_a_card_that_left_its_page_is_asked_for_by_itself(bench: Any) -> None:
    asked, gone = bench.run(
        RECORDS
        + """left.add(19995); left.add(9);
        await seeAgain(0);
        const early = [...asked];
        for (const at of [400, 800, 1200]) await seeAgain(at);
        asked.length = 0; await seeAgain(19960);
        return [[early, asked], gone];"""
    )

    assert asked == [[None, "card 19995"], [19800, "card 9"]]
    assert gone == [9]


def test_what_may_be_old_stays_until_it_is_there_anew(bench: Any) -> None:
    before, asked = bench.run(
        RECORDS
        + """records.doubt();
        const ids = order.slice(-40); records.see(ids);
        const isStillThere = ids.every((id) => records.has(id));
        await until(() => asked.length > 0 && !ids.some((id) => records.stale.has(id)));
        return [isStillThere, asked];"""
    )

    assert before is True
    assert asked == [19800]


FEED = """
const { Feed } = await load('feed');
const grid = document.getElementById('grid');
grid.style.cssText = 'height: 700px; width: 1000px; overflow: auto';
const make = () => Object.assign(document.createElement('article'), { className: 'card' });
const fill = (element, key) => { element.textContent = key; };
const feed = new Feed(grid, { make, fill, near() {} }, document.getElementById('feed'));
feed.setKeys(Array.from({ length: 100000 }, (_, at) => at));
const shape = (height_px, least_px) => {
  grid.style.setProperty('--card-h', `${height_px}px`);
  grid.style.setProperty('--card-min', `${least_px}px`);
};
const standsAt = (key) => feed.elementOf(key).getBoundingClientRect().top - grid.getBoundingClientRect().top;
"""


def test_the_card_in_hand_stays_where_it_stands_when_the_shape_turns(bench: Any) -> None:
    stood, columns, stands, back = bench.run(
        FEED
        + """feed.keep(500); feed.reveal(500);
        const stood = [standsAt(500)], columns = [feed.columns];
        feed.hold(() => shape(36, 100000)); stood.push(standsAt(500)); columns.push(feed.columns);
        feed.hold(() => shape(236, 288)); stood.push(standsAt(500)); columns.push(feed.columns);
        grid.scrollTop = 0; feed.draw(); feed.keep(2);
        feed.hold(() => shape(36, 100000));
        return [stood[0], columns, stood.slice(1), grid.scrollTop];"""
    )

    assert columns == [3, 1, 3]
    assert all(abs(one - stood) < 1 or 0 <= one <= 700 - 236 for one in stands)
    assert back == 0


def test_what_is_read_without_a_card_in_hand_stays_too(bench: Any) -> None:
    first = bench.run(
        FEED
        + """feed.keep(0); grid.scrollTop = 206 * 1000; feed.draw();
        feed.hold(() => shape(36, 100000));
        return Math.floor(grid.scrollTop / 46);"""
    )
    assert first == 3000


def test_no_screen_is_so_large_that_more_than_120_cards_stand_in_the_page(bench: Any) -> None:
    shown = bench.run(
        FEED
        + """grid.style.height = '2000px'; grid.style.width = '3700px'; shape(172, 208); feed.measure();
        feed.keep(99999);
        return [0, 0.5, 1].map((at) => {
          grid.scrollTop = at * grid.scrollHeight;
          feed.draw();
          return document.querySelectorAll('article').length;
        });"""
    )
    assert max(shown) <= 120
    assert min(shown) > 60
