"""What is served as it lies there: vendored files with their digests, icons, style sheets, colours."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "desk" / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
SHEETS = sorted((STATIC / "css").glob("*.css"))
VENDORED = json.loads((STATIC / "vendor" / "vendor.json").read_text())
SINKS = (".innerHTML", ".outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "autoplay")
STATES = ("accent", "claimed", "short", "aired", "warn", "live", "sung", "muted")


@pytest.mark.parametrize("row", VENDORED, ids=lambda row: row["file"])
def test_vendored_file_has_its_digest_and_licence(row: dict[str, str]) -> None:
    assert hashlib.sha256((ROOT / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert all(row[name] for name in ("package", "version", "licence"))


def test_every_file_from_elsewhere_is_listed() -> None:
    listed = {row["file"] for row in VENDORED}
    there = [
        *(STATIC / "vendor").glob("*.js"),
        *(STATIC / "fonts").glob("*.woff2"),
        *(ROOT / "tests/vendor").glob("*.js"),
    ]
    assert {str(path.relative_to(ROOT)) for path in there} == listed


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_holds_nothing_the_policy_forbids(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    assert not re.findall(r"\sstyle\s*=", text), "style attributes do nothing under the policy"
    assert not re.findall(r"<[^>]*\son[a-z]+\s*=\s*[\"']", text), "handlers do nothing under the policy"
    assert not re.findall(r"<style", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "application/json" in tag or "nonce=" in tag, tag


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_never_writes_markup(path: Path) -> None:
    text = path.read_text()
    for sink in (
        r"\.innerHTML",
        r"\.outerHTML",
        r"insertAdjacentHTML",
        r"document\.write",
        r"\beval\(",
        r"DOMParser",
        r"autoplay",
    ):
        assert not re.search(sink, text), sink


def test_every_icon_named_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="i-([a-z-]+)"', (STATIC / "icons.svg").read_text()))
    named: set[str] = set()
    for path in TEMPLATES:
        named |= set(re.findall(r"\bicon\('([a-z-]+)'", path.read_text()))
    for path in SCRIPTS:
        named |= set(re.findall(r"\bicon\(\"([a-z-]+)\"", path.read_text()))
        named |= set(re.findall(r"\bic: \"([a-z-]+)\"", path.read_text()))
    assert named - drawn == set()


def test_every_static_file_named_exists() -> None:
    for path in TEMPLATES:
        for name in re.findall(r"static_url\('([^'~]+)'\)", path.read_text()):
            assert (STATIC / name).is_file(), f"{path.name}: {name}"
        for names in re.findall(r"for sheet in \(([^)]*)\)", path.read_text()):
            for name in re.findall(r"'([a-z]+)'", names):
                assert (STATIC / "css" / f"{name}.css").is_file(), f"{path.name}: {name}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_module_imported_exists(path: Path) -> None:
    for name in re.findall(r'(?:from|import) "(\.[^"]+)"', path.read_text()):
        assert (path.parent / name).resolve().is_file(), name


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_sheet_uses_only_tokens_that_are_set(path: Path) -> None:
    """Names of one letter belong to one element and are set by a script."""
    everything = "".join(sheet.read_text() for sheet in SHEETS)
    known = set(re.findall(r"(--[a-z0-9-]+)\s*:", everything))
    assert set(re.findall(r"var\((--[a-z0-9-]{2,})\)", path.read_text())) - known == set()


def test_there_is_a_class_for_each_of_the_24_hues() -> None:
    text = (STATIC / "css" / "hues.css").read_text()
    assert [int(n) for n in re.findall(r"\.hue-(\d+)", text)] == list(range(24))


def _themes() -> dict[str, dict[str, str]]:
    text = (STATIC / "css" / "tokens.css").read_text()
    dark, light = text.split('[data-theme="light"] {', 1)
    return {
        name: dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part))
        for name, part in (("dark", dark), ("light", light))
    }


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_and_controls_stand_out_on_every_surface(theme: str) -> None:
    tokens = _themes()[theme]
    pairs = [(f"text-{text}", f"bg-{ground}", 4.5) for text in (1, 2, 3) for ground in range(5)]
    pairs += [(state, ground, 4.5) for state in STATES for ground in ("bg-1", "bg-2", "bg-3", f"{state}-tint")]
    pairs += [("line-3", f"bg-{ground}", 3.0) for ground in range(4)]
    pairs += [("wave", "bg-2", 3.0), ("accent-ink", "accent-solid", 4.5), ("live-ink", "live-solid", 4.5)]
    weak = [(a, b) for a, b, least in pairs if _contrast(tokens[a], tokens[b]) < least]
    assert weak == []


def test_light_theme_is_the_same_chosen_or_followed() -> None:
    text = (STATIC / "css" / "tokens.css").read_text()
    chosen = text.split('[data-theme="light"] {', 1)[1].split("}", 1)[0]
    followed = text.split('[data-theme="system"] {', 1)[1].split("}", 1)[0]
    assert chosen.split() == followed.split()
