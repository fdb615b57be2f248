"""Pictures: upright, without metadata, in the sizes people look at; made by a confined process that stays alive.

Starting an interpreter costs as much as making a small photo, so one child per worker process serves many: memory and
CPU limited, no network, own process group, small environment, replaced after 200 jobs, killed when late. It opens
nobody's files: those of a job are opened here and handed over through the socket it is asked by. It is started with
the first picture and never shared across a fork. What happens inside stands in `picture_child`; here is the talking.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media_store import errors, recipes, runner, walls
from media_store.errors import Interrupted, LimitsExceeded, MediaFailure, TimedOut, TooLarge
from media_store.recipes import PICTURE_FORMS, Made, Publish, Recipe
from media_store.runner import GIB, MB, Limits
from media_store.sniff import Sniffed
from media_store.walls import Reach

CHILD_PROGRAM = Path(__file__).with_name("picture_child.py")
# -I: no environment, no user packages, no current folder; the program is found by its path
CHILD_COMMAND = (sys.executable, "-I", str(CHILD_PROGRAM))
# all it may open: the interpreter with its packages, and its own program
INTERPRETER = Reach(
    reads=(CHILD_PROGRAM, Path(sys.prefix), Path(sys.base_prefix)), programs=(Path(sys.executable).resolve().parent,)
)
CHILD_LIMITS = Limits(GIB, 1200, 64 * MB, 30)  # the CPU seconds are for all its jobs together
JOBS_PER_CHILD = 200
# glibc gives every picture's memory back at once and takes it anew, page by page: a tenth of a photo's CPU time
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
LARGEST_PHOTO_BYTES = 25 * MB
LARGEST_STICKER_BYTES = MB
LONGEST_ANSWER_BYTES = 64 * 1024

FAILURE_BY_CODE = {failure.code: failure for failure in errors.FAILURES if issubclass(failure, MediaFailure)}
Json = dict[str, Any]  # lines between us and our own child, read field by field


@dataclass(frozen=True)
class SmallPicture:
    """A finished picture within 320 pixels: bare RGB rows in a file of the working folder, our bytes, no format."""

    path: Path
    width_px: int
    height_px: int

    def read(self) -> NDArray[np.uint8]:
        """Rows, columns, RGB."""
        return np.fromfile(self.path, np.uint8).reshape(self.height_px, self.width_px, 3)


@dataclass(frozen=True)
class PictureFacts:
    """Size as received and upright; `dhash` is 16 hex digits, `blurhash` a placeholder of 28 characters.

    `small` is there as long as the working folder, None after a mere probe.
    """

    width_px: int
    height_px: int
    frames: int
    flags: tuple[str, ...] = ()
    dhash: str | None = None
    blurhash: str | None = None
    small: SmallPicture | None = None


class ChildEnded(LimitsExceeded):
    """The process died; only `_ask` tells whether this file is the reason."""


class PictureChild:
    """One confined process and the ways to it. Not for use by two threads at once; `_ask` sees to that.

    By default the one that makes pictures; `sensitive` has another that only looks at them.
    """

    def __init__(
        self,
        command: tuple[str, ...] = CHILD_COMMAND,
        reach: Reach = INTERPRETER,
        environment: Mapping[str, str] = KEEP_MEMORY,
    ) -> None:
        is_walled = walls.suits((*command, "--only-load"), reach)
        self.asking, its_end = socket.socketpair()
        with its_end:
            self.process = walls.start(
                runner.confined(command, CHILD_LIMITS),
                reach if is_walled else None,
                stdin=its_end,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                close_fds=True,
                env=runner.reduced_environment() | dict(environment),
                bufsize=0,
            )
        self.owner_pid = os.getpid()
        self.jobs = 0
        self._unread = b""

    @property
    def is_usable(self) -> bool:
        return self.jobs < JOBS_PER_CHILD and self.process.poll() is None

    def ask(self, request: Json, on_made: Callable[[Json], None]) -> Json:
        """Send one request and wait for its end. Raises a MediaFailure; the child is dead after TimedOut or a crash."""
        self.jobs += 1
        deadline = time.monotonic() + CHILD_LIMITS.timeout_s
        try:
            self._send(request)
            while "made" in (answer := json.loads(self._line(deadline))):
                on_made(answer)
        except ConnectionError as gone:
            self.close()
            raise ChildEnded("the picture process is gone") from gone
        except BaseException:  # also when publishing fails: the rest of the answers must not meet the next question
            self.close()
            raise
        if "failed" in answer:
            raise FAILURE_BY_CODE[answer["failed"]](answer["detail"])
        return dict(answer["done"])

    def _send(self, request: Json) -> None:
        """The request as one line, each path in it replaced by the place of the open file that goes along."""
        paths: list[tuple[str, int]] = [(request["path"], os.O_RDONLY)]
        forms = [dict(form) for form in request["forms"]]
        sent = request | {"path": 0, "forms": forms}
        for place, name in [(sent, "small"), *((form, "out") for form in forms)]:
            if place.get("skip"):  # there already, and to stay as it is
                del place[name]
            elif name in place:
                paths.append((place[name], os.O_RDWR | os.O_CREAT | os.O_TRUNC))
                place[name] = len(paths) - 1
        with contextlib.ExitStack() as opened:
            files = []
            for path, how in paths:
                files.append(os.open(path, how | os.O_CLOEXEC, 0o600))
                opened.callback(os.close, files[-1])
            text = json.dumps(sent).encode() + b"\n"
            self.asking.sendall(text[socket.send_fds(self.asking, [text], files) :])

    def _line(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimedOut(f"no answer within {CHILD_LIMITS.timeout_s:g} s")
                block = os.read(self.process.stdout.fileno(), 65536)
                self._unread += block
                if not block or len(self._unread) > LONGEST_ANSWER_BYTES:
                    raise ChildEnded("the picture process ended over this file")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process at once and take its exit status. May be repeated."""
        self.drop_pipes()
        runner.kill_group(self.process)

    def finish(self) -> None:
        """Let it end by itself, so that its CPU time is counted, then make sure. May be repeated."""
        self.drop_pipes()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        self.close()

    def drop_pipes(self) -> None:
        self.asking.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


_lock = threading.Lock()
_current: list[PictureChild] = []  # none or one
_inherited: list[PictureChild] = []  # a parent's children, kept so that nobody reaps or signals them from here


def _forget_after_fork() -> None:
    """In a forked process: our ends of the parent's pipes are closed, so that its child still sees its input end."""
    global _lock
    _lock = threading.Lock()
    for child in _current:
        child.drop_pipes()
    _inherited.extend(_current)
    _current.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def close_child() -> None:
    """End this process's picture child, if there is one. The next picture starts another."""
    with _lock:
        while _current:
            _current.pop().finish()


atexit.register(close_child)


def _ask(request: Json, on_made: Callable[[Json], None]) -> Json:
    """Have a request done. If a process dies that has served others before, they may be the reason: it is asked of a
    fresh one, once, and only for what was not made yet. Raises Interrupted if it was told to end from outside.
    """
    made: set[str] = set()

    def note(answer: Json) -> None:
        on_made(answer)
        made.add(answer["made"])

    with _lock:
        child = _ready_child()
        is_fresh = child.jobs == 0
        try:
            return child.ask(request, note)
        except ChildEnded as ended:
            if child.process.returncode in runner.TOLD_TO_END:
                raise Interrupted("the picture process was told to end") from ended
            if is_fresh:
                raise
        forms = [form | {"skip": form["skip"] or form["profile"] in made} for form in request["forms"]]
        return _ready_child().ask(request | {"forms": forms}, on_made)


def _ready_child() -> PictureChild:
    if not _current or not _current[0].is_usable:
        while _current:
            _current.pop().finish()
        _current.append(PictureChild())
    return _current[0]


def _nothing_made(answer: Json) -> None:
    raise LimitsExceeded(f"unexpected answer: {sorted(answer)}")


def probe_picture(path: Path, sniffed: Sniffed) -> PictureFacts:
    """Size and number of frames as the file declares them, not yet turned upright."""
    request: Json = {"op": "probe", "path": str(path), "format": sniffed.picture_format, "forms": []}
    return _facts(_ask(request, _nothing_made), None)


def look_at_still(path: Path, *, work: Path) -> PictureFacts:
    """What one of our own JPEG pictures (a video's poster) looks like at 320 pixels. Makes no rendition."""
    small = work / "still.rgb"
    request: Json = {"op": "look", "path": str(path), "small": str(small), "format": "JPEG", "forms": []}
    return _facts(_ask(request, _nothing_made), small)


def make_photo(path: Path, sniffed: Sniffed, *, work: Path, publish: Publish, skip: Collection[str]) -> PictureFacts:
    """Make thumb, card, web and large, published in this order, then what moves.

    Raises Bomb, Corrupt, TooLarge, LimitsExceeded, TimedOut.
    """
    _refuse_over(path, LARGEST_PHOTO_BYTES, "25 MB")
    return _make("photo", path, sniffed, recipes.RECIPES["image"], work, publish, skip)


def make_sticker(path: Path, sniffed: Sniffed, *, work: Path, publish: Publish, skip: Collection[str]) -> PictureFacts:
    """Make the still and, if it moves, the animation. Raises as `make_photo`."""
    _refuse_over(path, LARGEST_STICKER_BYTES, "1 MB")
    return _make("sticker", path, sniffed, recipes.RECIPES["sticker"], work, publish, skip)


def _refuse_over(path: Path, most: int, words: str) -> None:
    if path.stat().st_size > most:
        raise TooLarge(f"{path.stat().st_size} bytes", limit=words)


def _make(
    op: str,
    path: Path,
    sniffed: Sniffed,
    wanted: tuple[Recipe, ...],
    work: Path,
    publish: Publish,
    skip: Collection[str],
) -> PictureFacts:
    by_profile = {recipe.profile: recipe for recipe in wanted}
    outs = {recipe.profile: work / f"{recipe.profile}.{recipe.extension}" for recipe in wanted}

    def on_made(answer: Json) -> None:
        recipe = by_profile[answer["made"]]
        publish(_described(recipe, outs[recipe.profile], answer))

    small = work / "small.rgb"
    request = {
        "op": op,
        "path": str(path),
        "small": str(small),
        "format": sniffed.picture_format,
        "forms": [_form(recipe.profile, outs[recipe.profile], recipe.profile in skip) for recipe in wanted],
    }
    return _facts(_ask(request, on_made), small)


def _described(recipe: Recipe, path: Path, answer: Json) -> Made:
    return recipes.describe(
        recipe,
        path,
        duration_s=answer.get("duration_s"),
        width_px=int(answer["width_px"]),
        height_px=int(answer["height_px"]),
    )


def _form(profile: str, out: Path, is_skipped: bool) -> Json:
    form = PICTURE_FORMS[profile]
    return {
        "profile": profile,
        "out": str(out),
        "edge": form.longest_edge_px,
        "encoder": form.encoder,
        "options": dict(form.options),
        "skip": is_skipped,
    }


def _facts(answer: Json, small: Path | None) -> PictureFacts:
    return PictureFacts(
        int(answer["width_px"]),
        int(answer["height_px"]),
        int(answer["frames"]),
        tuple(str(flag) for flag in answer.get("flags", ())),
        answer.get("dhash"),
        answer.get("blurhash"),
        SmallPicture(small, int(answer["small_width_px"]), int(answer["small_height_px"])) if small else None,
    )
