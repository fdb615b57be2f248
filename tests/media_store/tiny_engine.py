"""An engine that speaks as the real one does and takes redness for nudity: a program for tests, run as a child.

It answers a wholly green picture with nonsense and dies over a blue one.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    if sys.argv[1:] == ["--only-load"]:
        return
    with socket.socket(fileno=0) as asking:
        while True:
            text, files, _, _ = socket.recv_fds(asking, 65536, 1)
            if not text:
                return
            request = json.loads(text)
            with os.fdopen(files[0], "rb") as rows:
                pixels = rows.read()
            assert len(pixels) == request["width_px"] * request["height_px"] * 3
            red, green, blue = (sum(pixels[channel::3]) / len(pixels) * 3 / 255 for channel in range(3))
            if blue > 0.9:
                os._exit(1)
            answer = {"failed": "media.corrupt", "detail": "green"} if green > 0.9 else {"done": {"score": red}}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
