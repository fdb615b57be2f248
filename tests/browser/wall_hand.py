"""The hands of a producer at the wall, as the walks need them: find a listener's card, go to it, wait for its file."""

from __future__ import annotations

from typing import Any

from tests import servers

LIMIT_S = 60.0


def until(page: Any, holds: str, *, limit_s: float = LIMIT_S) -> None:
    """Wait until an expression holds in the page; asked from outside, because the page's policy forbids eval."""
    servers.wait_until(lambda: bool(page.evaluate(holds)), holds, limit_s=limit_s)


def card_of(wall: Any, name: str, kind: str = "") -> Any:
    """The newest card of a listener; `kind` is a word of the card's label such as "Sprachnachricht"."""
    cards = wall.locator(f'.card[aria-label*="{name}"]' + (f'[aria-label*="{kind}"]' if kind else ""))
    return cards.first


def await_card(wall: Any, name: str, kind: str = "") -> Any:
    """Wait until the card has come by itself; what waits behind the counter is shown as a producer does, with N."""
    pill_or_card = f"#newpill:not([hidden]), .card[aria-label*='{name}']"
    card = card_of(wall, name, kind)
    while not card.count():
        wall.wait_for_selector(pill_or_card)
        if wall.locator("#newpill:not([hidden])").count():
            wall.keyboard.press("n")
    return card


def go_to(wall: Any, card: Any) -> Any:
    """Put the focus on a card and wait until the pane shows it."""
    card.locator(".card-head").click()
    number = card.get_attribute("data-id")
    wall.wait_for_selector(f".card.is-focus[data-id='{number}']")
    name = card.locator("[data-part=name]").inner_text()
    wall.wait_for_selector(f"#pane [data-part=name] >> text={name}")
    return wall.locator(f".card[data-id='{number}']")
