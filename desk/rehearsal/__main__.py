"""`python -m desk.rehearsal CONFIG.json`: run the rehearsal server in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path

from .config import ConfigFault, read_config
from .server import WrongMode, serve


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        return _refuse("usage: python -m desk.rehearsal CONFIG.json")
    try:
        serve(read_config(Path(arguments[0])))
    except ConfigFault as error:
        return _refuse("\n".join(error.faults))
    except WrongMode as error:
        return _refuse(str(error))
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
