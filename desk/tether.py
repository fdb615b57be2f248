"""Ends a process whose parent is gone, so that a killed supervisor leaves nobody behind with old work.

Started by every process `desk serve` starts (DESK_SUPERVISED=1) and by the queue's worker processes.
"""

from __future__ import annotations

import os
import signal
import threading

LOOK_S = 1.0
GRACE_S = 10.0


def follow_parent(*, always: bool = False) -> None:
    """Watch the parent in a thread: when it is gone, ask this process to stop, then insist.

    Does nothing for a process that was not started by a supervisor, unless `always`.
    """
    if not always and os.environ.get("DESK_SUPERVISED") != "1":
        return
    parent = os.getppid()
    pause = threading.Event()

    def watch() -> None:
        while os.getppid() == parent:
            pause.wait(LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)
        pause.wait(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="tether", daemon=True).start()
