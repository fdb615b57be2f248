"""A small speech engine for the tests: a real program behind the same walls, speaking the lines of `transcript_child`.

It understands nothing: it answers what stands in `answer.jsonl` in the folder given as its model, and says in place of
{seconds} how long the sound is it was given. A line {"end": status} ends it at once; {"reach": "network"} tries to open
a socket, {"reach": path} to read a file, and puts what came of it among the words.
"""

from __future__ import annotations

import json
import pathlib
import socket
import sys


def tried(what: str) -> str:
    try:
        if what == "network":
            socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
        else:
            pathlib.Path(what).read_bytes()
    except OSError:
        return "refused"
    return "open"


def main() -> None:
    given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
    if "--check" in sys.argv:
        print(json.dumps({"done": True}))
        return
    sound, model = pathlib.Path(given["--sound"]), pathlib.Path(given["--model"])
    seconds = sound.stat().st_size / 2 / 16_000
    for text in (model / "answer.jsonl").read_text().splitlines():
        line = json.loads(text.replace("{seconds}", f"{seconds:.1f}")) if text.startswith("{") else text
        if isinstance(line, dict) and "end" in line:
            sys.exit(line["end"])
        if isinstance(line, dict) and "reach" in line:
            line = {"words": [[tried(line["reach"]), 0, 0.1]]}
        print(json.dumps(line) if isinstance(line, dict) else line)


main()
