"""`make docs-sounds`: measures what comes out of every form of sound that listeners send, into docs/sounds.md.

Every file holds the same tone of known length and loudness (tests/media_store/test_inputs.py says how each is made),
is sent as a document under a name that lies, and goes through the whole pipeline with all further formats. Loudness
and peak are measured again on the finished files; times are CPU seconds of this machine.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench._cpu import cpu_seconds
from media_store import delivery, loudness, pipeline, runner
from media_store.recipes import Made
from tests.media_store import test_inputs as inputs
from tests.media_store.material import ffmpeg, sine, write_wav

PAGE = Path(__file__).resolve().parent / "sounds.md"
HEAD = """# Sounds: what comes in, what comes out

Written by `make docs-sounds`. Each file holds a tone of {seconds:g} s at {lufs:g} LUFS (AMR, the telephone's own codec:
a murmur of 3 s), sent as a document whose name and type lie. Every one becomes a preview (MP3), peaks for card and
editor, and a broadcast WAV (48 kHz, 24 bit, bext v2, cart); FLAC, MP3 and MP2 only where a station asks for them.
Loudness and true peak are measured again on the finished broadcast file; the target is −23 LUFS ± 0.5 and −1 dBTP.
CPU: everything a station gets by default, on one core.

| sent as | found to be | length off by | source | for air | true peak | preview | WAV | FLAC | MP3 | MP2 | CPU |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True)
class Line:
    """One form as it came out."""

    name: str
    facts: pipeline.Facts
    air: loudness.Loudness
    bytes: dict[str, int]
    cpu_s: float

    def __str__(self) -> str:
        off_ms = ((self.facts.duration_s or 0) - inputs.SECONDS) * 1000
        sizes = (f"{self.bytes[name] / 1000:.0f} kB" for name in ("preview", "broadcast", *delivery.FORMATS))
        figures = (f"{off_ms:+.0f} ms", _lufs(self.facts.loudness_lufs), _lufs(self.air.integrated_lufs))
        peak = f"{self.air.true_peak_dbtp:.1f} dBTP"
        cells = (self.name, self.facts.mime, *figures, peak, *sizes, f"{self.cpu_s:.2f} s")
        return f"| {' | '.join(cells)} |"


def _lufs(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.1f} LUFS"


def originals(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every form of the table, and the telephone's own codec bare and in its container."""
    tone = write_wav(folder / "tone.wav", sine(inputs.SECONDS, inputs.TONE_LUFS))
    for name, form in inputs.FORMS.items():
        made = folder / f"made.{form.extension}"
        ffmpeg("-i", tone, *form.options, made)
        yield name, made.rename(folder / "report.pdf")
    murmur = inputs.amr_narrow_band(folder / "voice.amr", 150)
    yield "amr narrow band", murmur
    ffmpeg("-i", murmur, "-c", "copy", folder / "in.3gp")
    yield "3gp with amr", folder / "in.3gp"


def measure(name: str, original: Path, folder: Path) -> Line:
    """Make everything of one file: what is usual for the CPU time, then with all formats for the figures."""

    def make_usual() -> None:
        _render(original, folder, ())

    usual_s = cpu_seconds(make_usual)
    facts, sizes, air = _render(original, folder, delivery.FORMATS)
    return Line(name, facts, air, sizes, usual_s)


def _render(
    original: Path, folder: Path, formats: tuple[str, ...]
) -> tuple[pipeline.Facts, dict[str, int], loudness.Loudness]:
    sizes: dict[str, int] = {}
    found: list[loudness.Loudness] = []

    def keep(made: Made) -> None:
        sizes[made.profile] = made.bytes
        if made.profile == "broadcast" and formats:
            found.append(loudness.measure_file(made.path, "wav", runner.default_tools()))

    facts = pipeline.make_renditions(
        original,
        declared_kind="document",
        is_voice=False,
        work_dir=folder,
        target=pipeline.AudioTarget(),
        labels=pipeline.BroadcastLabels("Ton", "Ada", "Radio", "DE0", datetime(2026, 11, 22, tzinfo=UTC)),
        publish=keep,
        original_sha256=hashlib.sha256(original.read_bytes()).hexdigest(),
        formats=formats,
    )
    return facts, sizes, found[0] if found else loudness.Loudness(None, 0.0, None)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [str(measure(form, original, folder)) for form, original in originals(folder)]
    head = HEAD.format(seconds=inputs.SECONDS, lufs=inputs.TONE_LUFS)
    PAGE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
