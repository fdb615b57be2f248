"""The pages' own modules, run in a real browser under the desk's policy."""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_the_grid_divides_as_css_auto_fill_does(bench: Any) -> None:
    assert bench.run("const f = await load('feed'); return f.gridOf(1000, 296, 10)") == {
        "columns": 3,
        "card_px": pytest.approx(326.67, abs=0.01),
    }
    assert bench.run("const f = await load('feed'); return f.gridOf(200, 296, 10).columns") == 1


def test_a_window_of_the_list_is_pure_arithmetic(bench: Any) -> None:
    script = "const f = await load('feed'); return f.windowOf(args[0])"
    middle = {"scroll_px": 20600, "view_px": 800, "row_px": 206, "columns": 4, "count": 100000}
    assert bench.run(script, middle) == [392, 428]
    assert bench.run(script, middle | {"scroll_px": 0}) == [0, 28]
    assert bench.run(script, middle | {"scroll_px": 20805}) == [392, 428]
    assert bench.run(script, middle | {"count": 10, "scroll_px": 1e9}) == [10, 10]


FEED = """
const { Feed } = await load('feed');
const grid = document.getElementById('grid');
grid.style.height = '700px'; grid.style.overflow = 'auto';
const parts = {
  make: () => document.createElement('article'),
  fill: (element, key) => { element.textContent = key; },
  near() {},
};
const feed = new Feed(grid, parts, document.getElementById('feed'));
feed.setKeys(Array.from({ length: 100000 }, (_, at) => at));
"""


def test_a_hundred_thousand_cards_are_a_few_dozen_elements(bench: Any) -> None:
    counts = bench.run(
        FEED
        + """
        const counts = [];
        for (const at of [0, 0.3, 0.7, 1]) {
          grid.scrollTop = at * grid.scrollHeight;
          feed.draw();
          counts.push(document.querySelectorAll('article').length);
        }
        return counts;"""
    )
    assert max(counts) <= 120
    assert min(counts) >= 6


def test_the_focused_card_stays_in_the_page_when_the_view_moves_on(bench: Any) -> None:
    kept = bench.run(
        FEED
        + """
        feed.keep(1); const before = feed.elementOf(1); before.tabIndex = 0; before.focus();
        grid.scrollTop = 1e6; feed.draw();
        return feed.elementOf(1) === before && document.activeElement === before;"""
    )
    assert kept is True


def test_cards_stand_in_the_page_in_the_order_of_the_list(bench: Any) -> None:
    order = bench.run(
        FEED
        + """
        feed.keep(3); grid.scrollTop = 50000; feed.draw(); grid.scrollTop = 49000; feed.draw();
        return [...document.querySelectorAll('article')].map((one) => Number(one.getAttribute('aria-posinset')));"""
    )
    assert order == sorted(order)
    assert order[0] == 4


def test_a_list_is_put_in_order_when_it_comes_to_rest_and_not_while_it_moves(bench: Any) -> None:
    taken_out, order, has_focus = bench.run(
        FEED
        + """
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const sizer = document.querySelector('article').parentElement;
        for (let first = 0; first < 30; first += 1) await frame();
        grid.scrollTop = 5000; feed.draw();
        const kept = Number(document.querySelectorAll('article')[4].getAttribute('aria-posinset')) - 1;
        feed.keep(kept); feed.elementOf(kept).tabIndex = 0; feed.elementOf(kept).focus();
        let takenOut = 0;
        const count = (told) => { for (const one of told) takenOut += one.removedNodes.length; };
        new MutationObserver(count).observe(sizer, { childList: true });
        for (let at = 0; at < 30; at += 1) { grid.scrollTop += 40; await frame(); }
        const whileMoving = takenOut;
        while (sizer.classList.contains('is-moving')) await frame();
        for (let after = 0; after < 30; after += 1) await frame();
        const order = [...document.querySelectorAll('article')].map((one) => Number(one.getAttribute('aria-posinset')));
        return [whileMoving, order, document.activeElement === feed.elementOf(kept)];"""
    )
    assert taken_out == 0
    assert order == sorted(order)
    assert has_focus


def test_what_has_left_the_view_is_given_to_what_comes_in(bench: Any) -> None:
    made, order, content = bench.run(
        FEED.replace("make: () =>", "make: () => (window.made = (window.made ?? 0) + 1) &&")
        + """
        const first = made; feed.keep(2); feed.elementOf(2).tabIndex = 0; feed.elementOf(2).focus();
        for (let at = 1; at <= 40; at += 1) { grid.scrollTop = at * 300; feed.draw(); }
        for (const at of [9e4, 100, 5e4, 0]) { grid.scrollTop = at; feed.draw(); }
        if (document.activeElement !== feed.elementOf(2)) throw new Error("lost the focus");
        const all = [...document.querySelectorAll('article')];
        const places = all.map((one) => Number(one.getAttribute('aria-posinset')));
        return [[first, made], places, all.map((one) => Number(one.textContent))];"""
    )
    assert made[1] <= made[0] + 16
    assert order == sorted(order)
    assert content == [place - 1 for place in order]


def test_whoever_scrolls_fast_sees_frames_first_and_soon_what_stands_in_them(bench: Any) -> None:
    empty, content = bench.run(
        FEED
        + """
        feed.fill = (element, key) => {
          const until_ms = performance.now() + 3;
          while (performance.now() < until_ms);
          element.textContent = key;
        };
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const blanks = () => [...document.querySelectorAll('article.is-loading')];
        for (let first = 0; first < 3; first += 1) await frame();
        grid.scrollTop = 50000;
        for (let tries = 0; !blanks().length && tries < 100; tries += 1) await frame();
        const placeOf = (one) => Number(one.getAttribute('aria-posinset'));
        const isInPlace = (one) => Number(one.dataset.id) + 1 === placeOf(one);
        const empty = blanks().map((one) => [one.childElementCount, one.ariaBusy, isInPlace(one)]);
        for (let tries = 0; blanks().length && tries < 500; tries += 1) await frame();
        const all = [...document.querySelectorAll('article')];
        return [empty, all.map((one) => Number(one.textContent) + 1 - placeOf(one))];"""
    )
    assert empty
    assert all(one == [0, "true", True] for one in empty)
    assert set(content) == {0}


def test_whoever_rushes_is_shown_frames_alone_and_whoever_looks_is_shown_cards(bench: Any) -> None:
    rushed, looked, left = bench.run(
        FEED
        + """
        let fills = 0;
        const fill = feed.fill;
        feed.fill = (...all) => { fills += 1; fill(...all); };
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const go = async (by_px) => {
          fills = 0;
          for (let at = 0; at < 20; at += 1) { grid.scrollTop += by_px; await frame(); }
          return fills;
        };
        const rest = async () => { for (let at = 0; at < 200; at += 1) await frame(); };
        await rest();
        const rushed = await go(150);
        await rest();
        const left = document.querySelectorAll('article.is-loading').length;
        return [rushed, await go(40), left];"""
    )
    assert rushed == 0
    assert looked > 0
    assert left == 0


def test_heard_stretches_join_and_cover(bench: Any) -> None:
    assert bench.run(
        """const p = await load('player');
        let heard = p.joined([], 0, 4); heard = p.joined(heard, 10, 12); heard = p.joined(heard, 3.9, 6);
        return [heard, p.coverage(heard, 16), p.coverage([], 16), p.coverage([[0, 30]], 16)]"""
    ) == [[[0, 6], [10, 12]], 0.5, 0, 1]


def test_only_what_would_air_must_be_heard(bench: Any) -> None:
    media = {"kind": "voice", "state": "ready", "duration_s": 20, "air_in_s": 5, "air_out_s": 13,
             "profiles": {"preview": {"sha256": "a", "mime": "audio/mpeg"}}}  # fmt: skip
    assert bench.run(
        """const { player, airSpan } = await load('player'); const [media] = args;
        const heard = (...all) => { player.heard.set('a', all); return player.heardShare(media); };
        return [heard([0, 9]), heard([5, 13]), heard([0, 5], [13, 20]),
                airSpan(media, 'broadcast'), airSpan({ duration_s: 4 }, 'preview')]""",
        media,
    ) == [0.5, 1, 0, [0, 8], [0, 4]]


def test_peaks_are_read_from_bytes_and_from_the_peaks_file(bench: Any) -> None:
    bars = base64.b64encode(bytes([0, 51, 255])).decode()
    assert bench.run("const p = await load('player'); return p.peaksOf(args[0])", bars) == [0, 0.2, 1]
    assert bench.run("const p = await load('player'); return p.peaksOf('%%')") == []
    file = {"version": 2, "channels": 1, "bits": 8, "data": [-32, 32, -64, 10, 0, 0, -16, 16]}
    assert bench.run("const p = await load('player'); return p.barsOf(args[0], 4)", file) == [0.5, 1, 0, 0.25]


def test_no_media_element_exists_before_a_press(bench: Any) -> None:
    assert bench.run(
        """const { player } = await load('player');
        return [player.element, player.isPlaying, document.querySelectorAll('audio, video').length]"""
    ) == [None, False, 0]


def test_an_error_of_the_server_arrives_with_its_newer_state(bench: Any) -> None:
    error = {"code": "wall.card_moved", "message": "Anna"}
    bench.answer(lambda _path, _query, body: (409, {"error": error | {"current": body}}))
    said = bench.run(
        """const api = await load('api');
        try {
          await api.post('/api/v1/cards/1/move', { version: 3 });
        } catch (error) {
          return [error.isConflict, error.code, error.message, error.current, error.isUnreachable];
        }"""
    )
    assert said == [True, "wall.card_moved", "Anna", {"version": 3}, False]


def test_catching_up_goes_by_number_and_tells_nothing_twice(bench: Any) -> None:
    asked: list[int] = []

    def events(_path: str, query: dict[str, str], _body: Any) -> tuple[int, Any]:
        after = int(query["after"])
        asked.append(after)
        told = [seq for seq in (6, 7, 9) if seq > after]
        return 200, {"events": [{"seq": seq, "kind": "card.changed", "payload": {}} for seq in told], "seq": 10}

    bench.answer(events)
    result = bench.run(
        """const { Live } = await load('live');
        const live = new Live(5); const told = [];
        live.addEventListener('event', (event) => told.push(event.detail.seq));
        await Promise.all([live.catchUp(), live.catchUp()]);
        await live.catchUp();
        return [told, live.seq];"""
    )
    assert result == [[6, 7, 9], 10]
    assert asked == [5, 10]


def test_too_large_a_gap_asks_for_a_reload(bench: Any) -> None:
    bench.answer(lambda _path, _query, _body: (200, {"reload": True, "seq": 90000}))
    assert bench.run(
        """const { Live } = await load('live');
        const live = new Live(5); let asked = 0;
        live.addEventListener('reload', () => { asked += 1; });
        await live.catchUp();
        return [asked, live.seq];"""
    ) == [1, 5]


def test_studio_time_narrows_with_every_answer(bench: Any) -> None:
    off_ms = bench.run(
        """const clock = await load('clock');
        const base = Date.now();
        for (let at = 0; at < 12; at += 1) {
          const server = base + 5000 + at * 137;
          clock.learn(new Date(server).toUTCString(), base + at * 137 - 20, base + at * 137 + 20);
        }
        return clock.now() - Date.now() - 5000;"""
    )
    assert abs(off_ms) < 250


def test_decisions_wait_in_order_while_the_server_is_away(bench: Any) -> None:
    seen: list[str] = []
    state = {"away": True}

    def answer(path: str, _query: dict[str, str], _body: Any) -> tuple[int, Any]:
        if state["away"]:
            return 503, {"error": {"code": "desk.unavailable", "message": "later"}}
        seen.append(path)
        return 200, {"ok": True}

    bench.answer(answer)
    waiting = bench.run(
        """const outbox = await load('outbox');
        window.results = []; let held = 0;
        const hold = () => { held += 1; };
        for (const name of ['a', 'b', 'c']) outbox.send(`/api/${name}`, {}, hold).then(() => window.results.push(name));
        while (held < 3) await new Promise((done) => setTimeout(done, 10));
        return outbox.count();"""
    )
    assert waiting == 3
    state["away"] = False
    assert bench.run(
        "const outbox = await load('outbox'); await outbox.flush(); return [window.results, outbox.count()]"
    ) == [["a", "b", "c"], 0]
    assert seen == ["/api/a", "/api/b", "/api/c"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("w.duration(27.4)", "0:27"),
        ("w.duration(3723)", "1:02:03"),
        ("w.duration(null)", "–:––"),
        ("w.tenths(-17.42)", "−17.4"),
        ("w.timeLeft(90 * 60000, 0)", "1:30"),
        ("w.timeLeft(0, 60000)", None),
        ("w.t('%(a)s of %(b)s %%', {a: 1, b: 2})", "1 of 2 %"),
        ("w.tn('%(num)s message', '%(num)s messages', 1846)", "1,846 messages"),
    ],
)
def test_figures_and_words_are_written_as_the_guide_says(bench: Any, call: str, said: str | None) -> None:
    assert bench.run(f"const w = await load('words'); return {call}") == said


def test_an_answer_that_an_event_has_overtaken_does_not_count(bench: Any) -> None:
    told = {"seq": 6, "kind": "card.changed", "payload": {"card": {"id": 1, "version": 4, "state": "ready"}}}
    bench.answer(lambda _path, _query, _body: (200, {"events": [told], "seq": 6}))

    states = bench.run(
        """const { Live, newest } = await load('live');
        await new Live(5).catchUp();
        return [3, 4, 5].map((version) => newest({ id: 1, version, state: 'answered' }).state)
            .concat(newest({ id: 2, version: 1, state: 'answered' }).state);"""
    )

    assert states == ["ready", "ready", "answered", "answered"]
