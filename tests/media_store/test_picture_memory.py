"""Large pictures are never in memory a second time in another form, and look as if they were."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

TOP = Path(__file__).resolve().parents[2]
SIDE_PX = 4_500  # 20 megapixels, just enough to be taken in bands
# 20 MB of numbers beside what the child needs for any photo; unfolded to RGBA it was 253 MB in all
LIMIT_MB = 140.0

# a process of its own, whose only child is the one that makes the pictures
MAKE = """
import resource, sys
from pathlib import Path
from media_store import images, sniff
path = Path(sys.argv[1])
sort = sniff.sniff(path.read_bytes()[:4096])
images.make_photo(path, sort, work=path.parent, publish=lambda made: None, skip=())
images.close_child()
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)
"""
COMPARE = """
import itertools, numpy
from PIL import Image
from media_store import picture_child as child
child.BANDS_FROM_PIXELS, child.BAND_PIXELS = 0, 3_000
wave = Image.radial_gradient("L").resize((331, 263))
colours = Image.merge("RGBA", (wave, wave.rotate(90), wave.rotate(180), wave.transpose(0)))
for mode in ("RGB", "RGBA", "L", "LA", "CMYK", "1", "P", "I;16"):
    picture = colours.convert("RGB").quantize(9) if mode == "P" else colours.convert("I" if mode[0] == "I" else mode)
    picture = picture.convert(mode) if mode == "I;16" else picture
    for turned, edge in itertools.product((picture, picture.transpose(Image.Transpose.ROTATE_90)), (300, 97, 5, 1)):
        banded = child.fitted(turned, edge)
        wanted = child.AVERAGED_IN.get(mode, "I" if mode == "I;16" else mode)
        at_once = turned.convert(wanted).resize(banded.size, Image.Resampling.LANCZOS)
        shown = child.on_white if "A" in banded.mode else lambda as_it_is: as_it_is
        ours, theirs = (numpy.asarray(shown(one)).astype(int) for one in (banded, at_once))
        print(mode, banded.mode == at_once.mode, abs(ours - theirs).max(), sep=",")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measured where the desk runs")
def test_a_large_palette_picture_is_not_unfolded_as_a_whole(tmp_path: Path) -> None:
    picture = Image.new("P", (SIDE_PX, SIDE_PX))
    picture.putpalette(list(range(256)) * 3)
    picture.paste(77, (100, 100, 4000, 3000))
    picture.save(tmp_path / "palette.png", compress_level=1)

    command = [sys.executable, "-c", MAKE, str(tmp_path / "palette.png")]
    said = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout

    assert (tmp_path / "large.jpg").stat().st_size > 0
    assert float(said) <= LIMIT_MB, said


def test_bands_join_without_a_seam() -> None:
    command = [sys.executable, "-c", COMPARE]
    said = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout.split()

    assert len(said) == 8 * 2 * 4
    for line in said:
        _mode, is_same_mode, most = line.split(",")
        # a band's place differs from that in the whole in the last bits of a fraction
        assert (is_same_mode, int(most) <= 1) == ("True", True), line
