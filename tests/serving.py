"""A whole desk as `make run` starts it: supervisor, web, worker, keeper and rehearsal number, in a folder of its own.

For walks in a browser, faults, measurements and pictures. Listeners send through desk.rehearsal.client; people sign in
with the links the desk prints; what lies in the database is asked of tests/faults/inventory.py in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from desk.rehearsal import client
from tests import servers

TOP = Path(__file__).resolve().parent.parent
SAMPLES = TOP / "desk" / "rehearsal" / "cast" / "samples"
READY_LIMIT_S = 180.0
STOP_LIMIT_S = 90.0
STATION = "rheinwelle"
PARTS = {"web": "desk.wsgi:app", "worker": "desk.consumer.huey", "keeper": "keeper", "number": "desk.rehearsal"}
INVITED = re.compile(r"^  \w+ +(?P<name>\S.*?) +https?://[^/]+(?P<path>/signin/link/\S+)$", re.M)


@dataclass
class Desk:
    """A desk on loopback; `port` is the web's, the rehearsal number is on the next."""

    data_dir: Path
    port: int
    with_morning: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    seen: set[int] = field(default_factory=set)
    _log_from: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def number(self) -> str:
        """Address of the rehearsal number, where listeners send and the phone page is."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
        return own | {
            "DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(self.data_dir), "PORT": str(self.port),
            "DESK_REHEARSAL_MORNING": "1" if self.with_morning else "0", "PYTHONUNBUFFERED": "1",
            **self.settings,
        }  # fmt: skip

    def start(self) -> None:
        """Start the supervisor and wait until web and number answer and everybody is invited."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-m", "desk.cli", "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=TOP, env=self.environment(), stdout=log, stderr=log)
        servers.wait_until(self._is_ready, "the desk's invitation", limit_s=READY_LIMIT_S)

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"the desk ended at its start:\n{self.said()}")
        if "Ctrl-C" not in self.said():
            return False
        with suppress(client.Unreachable, client.Refused):
            return all(client.fetch_state(self.number)["verified"].values())
        return False

    def said(self) -> str:
        """What the desk printed since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def stop(self) -> None:
        """End it as Ctrl-C does; whoever is still there afterwards is killed."""
        if self.process is None:
            return
        family = self.family()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT_S)
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        self.process = None

    # --- processes ------------------------------------------------------------------------------------------------

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything below it that is alive now; remembered in `seen`."""
        if self.process is None or self.process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            found = [top, *top.children(recursive=True)]
            self.seen |= {one.pid for one in found}
            return found
        return []

    def part(self, name: str) -> list[psutil.Process]:
        """One child of the supervisor (a name in PARTS) with everything below it."""
        found: list[psutil.Process] = []
        for one in self.family()[1:]:
            with suppress(psutil.NoSuchProcess):
                if one.ppid() == self.process_id and PARTS[name] in one.cmdline():
                    found += [one, *one.children(recursive=True)]
        return found

    @property
    def process_id(self) -> int:
        return self.process.pid if self.process is not None else 0

    def kill(self, processes: Sequence[psutil.Process]) -> None:
        """SIGKILL, children and all."""
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.kill()

    def leftovers(self) -> list[str]:
        """Command lines of processes of this desk that live though its supervisor does not."""
        found = []
        for pid in self.seen:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                one = psutil.Process(pid)
                if one.status() != psutil.STATUS_ZOMBIE and one.environ().get("DESK_DATA_DIR") == str(self.data_dir):
                    found.append(" ".join(one.cmdline()))
        return found

    # --- people and listeners -------------------------------------------------------------------------------------

    def links(self) -> dict[str, str]:
        """Sign-in links of the present start by name; each works once."""
        return {found["name"]: self.address + found["path"] for found in INVITED.finditer(self.said())}

    def send(self, sender: str, text: str | None = None, *, file: Path | None = None, is_voice: bool = False) -> str:
        """A listener sends; returns the provider's id."""
        caption = text if file is not None else None
        return client.send(
            self.number, STATION, sender, None if file is not None else text, file, caption, is_voice=is_voice
        )

    def thread(self, listener: str) -> list[dict[str, Any]]:
        """What the listener's phone shows."""
        asked = {"station": STATION, "listener": listener, "after": 0}
        found: list[dict[str, Any]] = requests.get(f"{self.number}/phone/thread", asked, timeout=30).json()["messages"]
        return found

    def command(self, *words: str) -> Any:
        """`desk … --json` against this desk; RuntimeError with what it said if it failed."""
        done = subprocess.run(
            [sys.executable, "-m", "desk.cli", *words, "--json"],
            cwd=TOP, env=self.environment(), capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"desk {' '.join(words)}: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def inventory(self, provider_ids: Sequence[str]) -> dict[str, Any]:
        """What became of each provider id, and the sums; see tests/faults/inventory.py."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.inventory"],
            cwd=TOP, env=self.environment(), input=json.dumps(list(provider_ids)), capture_output=True, text=True,
            timeout=180,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


class Colleague:
    """A person of the station at the desk's interface, without a browser."""

    def __init__(self, desk: Desk, session: requests.Session, token: str) -> None:
        self._address, self._session, self._token = desk.address, session, token

    @classmethod
    def by_link(cls, desk: Desk, link: str) -> Colleague:
        """Sign in with a link, which is used up by it."""
        session = requests.Session()
        form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', session.get(link, timeout=60).text)
        if form is None:
            raise RuntimeError("the sign-in page has no token")
        answer = session.post(link, {"csrf_token": form[1]}, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"the sign-in was answered with {answer.status_code}")
        return cls(desk, session, _token_in(answer.text))

    @classmethod
    def with_cookies(cls, desk: Desk, cookies: Sequence[Mapping[str, Any]]) -> Colleague:
        """Go on in the session of a browser (playwright's cookies)."""
        session = requests.Session()
        for cookie in cookies:
            session.cookies.set(cookie["name"], cookie["value"])
        return cls(desk, session, _token_in(session.get(desk.address, timeout=60).text))

    def get(self, path: str, **query: Any) -> Any:
        return self._checked(self._session.get(self._address + path, params=query, timeout=60))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.ask("POST", path, body)

    def submit(self, path: str, fields: Mapping[str, str]) -> None:
        """Send a form of a page, as its button does."""
        answer = self._session.post(self._address + path, {**fields, "csrf_token": self._token}, timeout=60)
        answer.raise_for_status()

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"X-CSRFToken": self._token}
        return self._checked(
            self._session.request(method, self._address + path, json=body, headers=headers, timeout=60)
        )

    def _checked(self, answer: requests.Response) -> Any:
        if not answer.ok:
            raise RuntimeError(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:200]}")
        return answer.json()


def _token_in(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    if found is None:
        raise RuntimeError("nobody is signed in")
    return found[1]


@contextmanager
def running(data_dir: Path, *, with_morning: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Desk]:
    """A desk in this folder, on free ports, stopped at the end; `settings` are further variables of its environment."""
    desk = Desk(data_dir, two_free_ports(), with_morning, settings or {})
    try:
        desk.start()
        yield desk
    finally:
        desk.stop()


def two_free_ports() -> int:
    """The first of two neighbouring ports, neither of which is given to anyone else."""
    first = servers.free_port()
    while (second := servers.free_port()) != first + 1:
        first = second
    return first


def make_sample(target: Path, *words: str) -> Path:
    """Cut or convert one of the cast's samples with ffmpeg; `words` are its options from the input on."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *words, str(target)], check=True, timeout=120)
    return target


def make_files(folder: Path) -> dict[str, Path]:
    """The four files of the proof: a voice note, a photo sent as a document, a 20-second film, a song as WAV."""
    folder.mkdir(parents=True, exist_ok=True)
    voice = str(SAMPLES / "rw-voice-15.ogg")
    film = ["-stream_loop", "1", "-i", str(SAMPLES / "clip-chor.mp4"), "-t", "20", "-c", "copy"]
    song = ["-i", str(SAMPLES / "rw-song-01.ogg"), "-ar", "44100", "-c:a", "pcm_s16le"]
    return {
        "voice": make_sample(folder / "sprachnachricht.ogg", "-i", voice, "-t", "3", "-c", "copy"),
        "photo": SAMPLES / "IMG_2041.heic",
        "film": make_sample(folder / "film.mp4", *film),
        "song": make_sample(folder / "gesungen.wav", *song),
    }
