"""The store of this process: where originals and renditions lie. Opened by the factory, used by jobs and views."""

from __future__ import annotations

from media_store.stores.contract import Store

_current: Store | None = None


def use(store: Store) -> None:
    """Make this the store of the process; called by the factory (and by tests)."""
    global _current
    _current = store


def current() -> Store:
    if _current is None:
        raise RuntimeError("the store is open after desk.opening.open_house")
    return _current
