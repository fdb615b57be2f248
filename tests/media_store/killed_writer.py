"""Has writers killed in the middle of `put`; a program of its own, so that it may fork without threads about.

Reads {"place", "seed", "sizes", "killed"} as JSON and starts writers, one object each, until so many were killed with
their sizes taken in turn. Prints a line of JSON per writer: {"number", "size", "key", "is_stored"}; `is_stored` tells
that `put` had returned. The key is the SHA-256 of the content, so any reader can tell a whole object.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import select
import signal
import sys
import time

from media_store.errors import ObjectMissing
from tests.media_store.contract import TYPE, Place

READY, DONE = b"r", b"d"
IN_PARTS_FROM_BYTES = 1 << 20


def content_of(seed: int, number: int, size: int) -> bytes:
    return random.Random(f"{seed} {number}").randbytes(size)


def key_of(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}.bin"


def write(place: Place, content: bytes, told: int) -> None:
    """One writer: says when it begins and when `put` has returned."""
    store = place.open(single_put_bytes=IN_PARTS_FROM_BYTES)
    with contextlib.suppress(ObjectMissing):
        store.info("nothing")  # the connection is there, the time that follows is the put's
    os.write(told, READY)
    store.put(key_of(content), io.BytesIO(content), content_type=TYPE)
    os.write(told, DONE)


def run_writer(place: Place, content: bytes, killed_after_s: float | None) -> tuple[bool, bool, float]:
    """Whether it was killed, whether its put had returned, and how long that took."""
    hears, told = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            write(place, content, told)
            status = 0
        finally:
            os._exit(status)
    os.close(told)
    with os.fdopen(hears, "rb", buffering=0) as words:
        assert words.read(1) == READY, "the writer did not begin"
        began = time.monotonic()
        heard, _, _ = select.select([words], [], [], killed_after_s)
        took_s = time.monotonic() - began
        if not heard:
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        is_killed = os.WIFSIGNALED(status)
        assert is_killed or os.waitstatus_to_exitcode(status) == 0, "the writer failed"
        return is_killed, words.read(1) == DONE, took_s


def main() -> None:
    asked = json.load(sys.stdin)
    place, dice = Place(**asked["place"]), random.Random(asked["seed"])
    place.open().link("a", 1)  # asks nobody, but loads what the writers would each load anew
    usual_s: dict[int, float] = {}
    killed = number = 0
    while killed < asked["killed"] and number < 5 * asked["killed"]:
        size = asked["sizes"][number % len(asked["sizes"])]
        content = content_of(asked["seed"], number, size)
        # the first of its size may live, to learn how long a put takes here
        moment = dice.uniform(0, usual_s[size]) if size in usual_s else None
        is_killed, is_stored, took_s = run_writer(place, content, moment)
        usual_s.setdefault(size, took_s)
        killed += is_killed
        line = {"number": number, "size": size, "key": key_of(content), "is_stored": is_stored, "is_killed": is_killed}
        print(json.dumps(line), flush=True)
        number += 1


if __name__ == "__main__":
    main()
