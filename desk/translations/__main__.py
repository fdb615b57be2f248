"""The catalogue from the command line: `add` takes pairs from standard input, `compile` and `check` keep it whole.

Everything it does stands in the package; this is only the door.
"""

from __future__ import annotations

import sys

from desk.translations import (
    CATALOGUE_LOCALES,
    add_pairs,
    compile_catalogue,
    is_compiled,
    list_missing,
    list_unlike,
    read_pairs,
)


def add() -> int:
    count = add_pairs(read_pairs(sys.stdin))
    print(f"{count} phrases")
    return 0


def compile_all() -> int:
    for locale in CATALOGUE_LOCALES:
        print(compile_catalogue(locale).name, locale)
    return 0


def check() -> int:
    """Says what is missing, one tab-separated line each, ready to be filled and given to `add`."""
    faults = 0
    for locale in CATALOGUE_LOCALES:
        for used in list_missing(locale):
            faults += 1
            text = used.msgid if isinstance(used.msgid, str) else "\t".join(used.msgid)
            print(text.replace("\n", "\\n"), f"# {used.path}:{used.line}", sep="\t")
        for phrase in list_unlike(locale):
            faults += 1
            print(f"{locale}: other gaps than in: {phrase}", file=sys.stderr)
        if not is_compiled(locale):
            faults += 1
            print(f"{locale}: the compiled catalogue is older than the readable one", file=sys.stderr)
    return 1 if faults else 0


COMMANDS = {"add": add, "compile": compile_all, "check": check}


def main(words: list[str]) -> int:
    if len(words) != 1 or words[0] not in COMMANDS:
        print(f"usage: python -m desk.translations {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[words[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
