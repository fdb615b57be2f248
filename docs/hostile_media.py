"""`make docs-hostile-media`: meets every file made to do harm and writes what became of it to docs/hostile-media.md.

The files and the measuring are those of `make faults ONLY=hostile_media`; here is only the page.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import media_store  # noqa: F401  first: it says how many threads numpy may use
from docs.formats.measuring import line
from media_store.errors import FAILURES
from tests.faults.hostile_media import Met, Round, meet_all
from tests.media_store.hostile.making import OK

PAGE = Path(__file__).resolve().parent / "hostile-media.md"
FAMILIES = {
    "disguised": "playlists, scripts, programs and archives under the names of media, and files that are two at once",
    "picture": "bombs, sizes that lie, endless frames, notes and profiles that unfold",
    "sound": "heads that lie about size, rate, channels and time, codecs fed with garbage",
    "container": "indices that lie, loop or lead elsewhere, time that leaps, thousands of tracks",
    "damaged": "good files of every format cut in half, or with bytes turned over",
}
WORDS = {failure.code: failure.template for failure in FAILURES}
HEAD = """# Files made to do harm

Written by `make docs-hostile-media`. {count} files, all built by the tests, went through the pipeline one after the
other in one process, as a worker meets them. That process survived all of them and grew by {grown:.0f} MB.

- Ended otherwise than the file's maker had written down before: {otherwise}.
- Reached for an address on the network: {knocks}.
- Left something behind in the working folder: {left}.

Each was sent as the medium it pretends to be. *Made safe*: something in it can be seen or heard, and what came out is
new bytes of ours. Refused means one of the words below; the original is kept in either case. Memory is the highest mark
of the largest child that read such a file, of 1,074 MB it may have.

| family | files | refused | made safe | longest | largest child |
| --- | ---: | --- | ---: | ---: | ---: |
{families}

| word | what the card says |
| --- | --- |
{words}

## Every file

| family | file | sent as | what happened | time |
| --- | --- | --- | --- | ---: |
{files}
"""


def main() -> int:
    found = meet_all()
    otherwise = sum(not one.is_as_stated for one in found.met)
    left = sum(one.has_left_something for one in found.met)
    text = HEAD.format(
        count=len(found.met),
        grown=max(0.0, found.grown_mb),
        knocks=found.knocks,
        left=left,
        otherwise=otherwise,
        words="\n".join(
            line((f"`{code.removeprefix('media.')}`", WORDS[code]))
            for code in sorted({one.outcome for one in found.met} - {OK})
        ),
        families="\n".join(_family(name, found) for name in FAMILIES),
        files="\n".join(_file(one) for one in found.met),
    )
    PAGE.write_text(text, encoding="utf-8")
    print(f"{len(found.met)} files, {otherwise} otherwise than stated, {left} left something, {found.knocks} knocks")
    return 1 if otherwise or left or found.knocks else 0


def _family(name: str, found: Round) -> str:
    met = [one for one in found.met if one.family == name]
    refused = Counter(one.outcome for one in met if one.outcome != OK)
    words = ", ".join(f"{count} `{code.removeprefix('media.')}`" for code, count in refused.most_common())
    safe = sum(one.outcome == OK for one in met)
    longest, largest = f"{max(one.took_s for one in met):.1f} s", f"{found.child_mb[name]:.0f} MB"
    return line((f"**{name}**: {FAMILIES[name]}", str(len(met)), words, str(safe), longest, largest))


def _file(one: Met) -> str:
    if one.outcome != OK:
        happened = f"refused, `{one.outcome.removeprefix('media.')}`"
    else:
        happened = f"made safe, {one.forms} forms" if one.forms else "kept, not opened"
    return line((one.family, one.name, one.file.kind, happened, f"{one.took_s:.2f} s"))


if __name__ == "__main__":
    sys.exit(main())
