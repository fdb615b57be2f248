"""The words of the desk: English in the code, German in one catalogue beside this file.

Owns reading, adding, compiling and checking the catalogue, and the dictionary handed to the pages' own scripts.
Which locale a person reads is decided by the web room; nothing here knows Flask.
"""

from __future__ import annotations

import ast
import fcntl
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent
SOURCE_ROOT = HERE.parent.parent
LOCALES = ("de", "en")
CATALOGUE_LOCALES = ("de",)
PLURAL_FORMS = 2  # of each of them

_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "_l": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "t": None,
    "tn": (1, 2),
}
_PLACES: tuple[tuple[str, str, str], ...] = (
    ("desk", "**.py", "python"),
    ("templates", "**.html", "jinja2.ext:babel_extract"),
    ("templates", "**.txt", "jinja2.ext:babel_extract"),
    ("desk/static/js", "**.js", "javascript"),
)
_OPTIONS = {"silent": "false", "newstyle_gettext": "true", "encoding": "utf-8", "parse_template_string": "true"}

_GAP = re.compile(r"%\((\w+)\)[sd]")
# The compiled file must be the same from the same words, whenever it is made.
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)

MsgId: TypeAlias = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """One phrase and its translation; `plural` and `translated_plural` only where the phrase counts something."""

    text: str
    translated: str
    plural: str | None = None
    translated_plural: str | None = None

    @property
    def msgid(self) -> MsgId:
        return (self.text, self.plural) if self.plural else self.text

    @property
    def msgstr(self) -> MsgId:
        return (self.translated, self.translated_plural or self.translated) if self.plural else self.translated


@dataclass(frozen=True, slots=True)
class Used:
    """A phrase as the code uses it, with the place where it stands."""

    msgid: MsgId
    path: str
    line: int


def catalogue_path(locale: str) -> Path:
    return HERE / locale / "LC_MESSAGES" / "messages.po"


def load_catalogue(locale: str) -> Catalog:
    """The catalogue of one locale; an empty one where none is written yet."""
    path = catalogue_path(locale)
    if not path.exists():
        catalogue = Catalog(locale=locale, project="desk", fuzzy=False)
    else:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=locale)
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    return catalogue


def read_pairs(lines: Iterable[str]) -> list[Pair]:
    """Reads `English<TAB>Deutsch` or `one<TAB>many<TAB>eins<TAB>viele`; `\\n` stands for a line break."""
    pairs = []
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r\n")
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.replace("\\n", "\n") for cell in line.split("\t")]
        if len(cells) == 2 and all(cells):
            pairs.append(Pair(cells[0], cells[1]))
        elif len(cells) == 4 and all(cells):
            pairs.append(Pair(cells[0], cells[2], cells[1], cells[3]))
        else:
            raise ValueError(f"line {number}: two or four filled columns are expected, {len(cells)} found")
    return pairs


def add_pairs(pairs: Iterable[Pair], locale: str = "de") -> int:
    """Adds or replaces the pairs, writes the catalogue sorted and compiles it; returns how many were given."""
    with _locked(locale):
        catalogue = load_catalogue(locale)
        count = 0
        for pair in pairs:
            catalogue.delete(pair.msgid)
            flags = ["python-format"] if "%(" in pair.text else []
            catalogue.add(pair.msgid, pair.msgstr, flags=flags)
            count += 1
        _write(catalogue, locale)
        return count


def compile_catalogue(locale: str) -> Path:
    """Writes the binary catalogue beside the readable one."""
    with _locked(locale):
        return _compile(load_catalogue(locale), locale)


def is_compiled(locale: str) -> bool:
    """Whether the binary catalogue says the same as the readable one."""
    buffer = io.BytesIO()
    write_mo(buffer, load_catalogue(locale))
    path = catalogue_path(locale).with_suffix(".mo")
    return path.exists() and path.read_bytes() == buffer.getvalue()


def list_used(root: Path = SOURCE_ROOT) -> list[Used]:
    """Every phrase the code, the templates and the scripts use."""
    found = []
    for folder, pattern, method in _PLACES:
        if not (root / folder).is_dir():
            continue
        rows = extract_from_dir(
            root / folder,
            method_map=[(pattern, method)],
            options_map={pattern: _OPTIONS},
            keywords=_KEYWORDS,
            strip_comment_tags=False,
        )
        for file_name, line, message, _comments, _context in rows:
            msgid: MsgId = (str(message[0]), str(message[1])) if isinstance(message, tuple) else str(message)
            found.append(Used(msgid, f"{folder}/{file_name}", line))
    return found + _list_refusals(root)


def _list_refusals(root: Path) -> list[Used]:
    """The sentences of errors: `message = "…"` in a class's body, translated only where they are shown."""
    found = []
    for path in sorted((root / "desk").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for line in node.body if isinstance(node, ast.ClassDef) else ():
                match line:
                    case ast.Assign(targets=[ast.Name(id="message")], value=ast.Constant(value=str(text))):
                        found.append(Used(text, str(path.relative_to(root)), line.lineno))
    return found


def list_missing(locale: str, root: Path = SOURCE_ROOT) -> list[Used]:
    """Phrases in use that have no translation, each named once; one that counts needs its second form, too."""
    catalogue = load_catalogue(locale)
    missing: dict[MsgId, Used] = {}
    for used in list_used(root):
        message = catalogue.get(used.msgid)
        said = message.string if message is not None else None
        strings = [said] if isinstance(said, str) else list(said or ())
        if len(strings) != (1 if isinstance(used.msgid, str) else PLURAL_FORMS) or not all(strings):
            missing.setdefault(used.msgid, used)
    return list(missing.values())


def list_unlike(locale: str) -> list[str]:
    """Phrases whose translation fills other gaps than the phrase has."""
    unlike = []
    for message in load_catalogue(locale):
        if not message.id or not message.string:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        gaps = {gap for text in ids for gap in _GAP.findall(text)}
        if any(set(_GAP.findall(text)) - gaps for text in strings) or gaps - set(_GAP.findall(strings[-1])):
            unlike.append(ids[0])
    return unlike


def dictionary(locale: str) -> dict[str, str | list[str]]:
    """What the pages' scripts look phrases up in; empty for English, which is the source."""
    if locale not in CATALOGUE_LOCALES:
        return {}
    words: dict[str, str | list[str]] = {}
    for message in load_catalogue(locale):
        if not message.id or not message.string:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        words[key] = message.string if isinstance(message.string, str) else list(message.string)
    return words


def _write(catalogue: Catalog, locale: str) -> None:
    path = catalogue_path(locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=0, no_location=True, sort_output=True, omit_header=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    volatile = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator', '"Language-Team')
    _replace(path, "".join(line for line in lines if not line.startswith(volatile)).encode())
    _compile(load_catalogue(locale), locale)


def _compile(catalogue: Catalog, locale: str) -> Path:
    path = catalogue_path(locale).with_suffix(".mo")
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    _replace(path, buffer.getvalue())
    return path


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    os.replace(beside, path)


@contextmanager
def _locked(locale: str) -> Iterator[None]:
    """One writer at a time, whichever process it is."""
    folder = catalogue_path(locale).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
