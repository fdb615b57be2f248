"""Ends a process whose parent is gone, so that a killed supervisor leaves nobody behind with old work.

Started by every process `desk serve` starts (DESK_SUPERVISED names the supervisor) and by the queue's worker processes.
The parent is named, never looked up here: one that died while this process was starting would not be missed.
"""

from __future__ import annotations

import os
import signal
import threading

LOOK_S = 1.0
GRACE_S = 10.0


def follow_parent(parent: int | None = None) -> None:
    """Watch the parent in a thread: when it is gone, ask this process to stop, then insist.

    `parent` is its process id; None means the supervisor, and does nothing for a process that has none.
    """
    if parent is None:
        named = os.environ.get("DESK_SUPERVISED", "")
        if not named.isdecimal():
            return
        parent = int(named)
    pause = threading.Event()

    def watch() -> None:
        while os.getppid() == parent:
            pause.wait(LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)
        pause.wait(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="tether", daemon=True).start()
