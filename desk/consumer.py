"""What `huey_consumer desk.consumer.huey` runs: the desk's worker processes.

Nothing is connected at import: the consumer forks, and connections must not cross a fork. Each worker process
opens its own database and store when it starts.
"""

from __future__ import annotations

import os

from desk import db, opening, tether
from desk.jobs import dispatch


def _open() -> dispatch.Doorbell:
    opening.open_house()
    found = dispatch.current()
    assert found is not None
    return found


CONSUMER = os.getpid()
doorbell = _open()
huey = doorbell.huey
tether.follow_parent()


def _follow_consumer() -> None:
    """In everything the consumer forks (workers, scheduler); what a worker starts in turn is the worker's matter."""
    if os.getppid() == CONSUMER:
        tether.follow_parent(CONSUMER)


os.register_at_fork(after_in_child=_follow_consumer)


@huey.on_startup(name="own-connections")  # type: ignore[untyped-decorator]
def own_connections() -> None:
    """In each worker process after the fork: drop what was inherited."""
    db.current().dispose()
    doorbell.forget_thread()
