"""Every form of sound that listeners send: the same tone of known length and loudness in each, under a name that lies.

How each is made says tests/media_store/test_inputs.py. All further formats are made as well, outside the CPU time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.formats.measuring import Row, Table, dbtp, lufs, measured_again, off_by, seconds, work_through
from media_store import delivery
from tests.media_store import test_inputs as inputs
from tests.media_store.material import ffmpeg, sine, write_wav

WORDS = f"""Each file holds a tone of {inputs.SECONDS:g} s at −{-inputs.TONE_LUFS:g} LUFS (AMR, the telephone's own \
codec: a murmur of 3 s), sent as a
document whose name and type lie. Every one becomes a preview (MP3), peaks for card and editor, and a broadcast WAV
(48 kHz, 24 bit, bext v2, cart); FLAC, MP3 and MP2 only where a station asks for them. Loudness and true peak are
measured again on the finished broadcast file; the target is −23 LUFS ± 0.5 and −1 dBTP."""
FILES = ("preview", "broadcast", *delivery.FORMATS)
COLUMNS: Row = ("sent as", "found to be", "length off by", "source", "for air", "true peak")
COLUMNS += ("preview", "WAV", "FLAC", "MP3", "MP2", "CPU")


def rows(folder: Path) -> Iterator[Row]:
    for name, original in _originals(folder):
        usual = work_through(original, folder, declared="document")
        outcome = work_through(original, folder, declared="document", formats=delivery.FORMATS)
        facts, air = outcome.facts, measured_again(outcome)
        length = off_by(facts.duration_s, inputs.SECONDS)
        levels = (lufs(facts.loudness_lufs), lufs(air.integrated_lufs), dbtp(air.true_peak_dbtp))
        yield (name, facts.mime, length, *levels, *outcome.sizes(*FILES), seconds(usual.cpu_s))


MORE_FORMS = {
    "ogg with vorbis": inputs.Form("ogg", ("-c:a", "libvorbis"), ""),
    "caf with opus": inputs.Form("caf", ("-c:a", "libopus"), ""),
    "caf with alac": inputs.Form("caf", ("-c:a", "alac"), ""),
    "m4a with alac": inputs.Form("m4a", ("-c:a", "alac"), ""),
    "mov with pcm alone": inputs.Form("mov", ("-c:a", "pcm_s16le"), ""),
}


def _originals(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every form of the table, and the telephone's own codec bare and in its container."""
    tone = write_wav(folder / "tone.wav", sine(inputs.SECONDS, inputs.TONE_LUFS))
    for name, form in (inputs.FORMS | MORE_FORMS).items():
        made = folder / f"made.{form.extension}"
        ffmpeg("-i", tone, *form.options, made)
        yield name, made.rename(folder / "report.pdf")
    murmur = inputs.amr_narrow_band(folder / "voice.amr", 150)
    yield "amr narrow band", murmur
    ffmpeg("-i", murmur, "-c", "copy", folder / "in.3gp")
    yield "3gp with amr", folder / "in.3gp"


SOUNDS = Table("Sound", WORDS, COLUMNS, rows)
