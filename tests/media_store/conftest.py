"""What the tests of files share: labels, and one call that makes renditions and keeps copies of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from media_store import images, pipeline
from media_store.recipes import Made

pytest.register_assert_rewrite("tests.media_store.contract", "tests.media_store.endurance", "tests.media_store.moving")


@dataclass
class Result:
    """Facts, and each rendition by profile with a copy that outlives the working folder."""

    facts: pipeline.Facts
    made: dict[str, Made] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)


Render = Callable[..., Result]


@pytest.fixture(scope="session")
def labels() -> pipeline.BroadcastLabels:
    return pipeline.BroadcastLabels(
        title="Grüße an Jörg",
        artist="Ada aus Köln",
        originator="Radio Rheinwelle",
        reference="DEXXX000000000001073005123456789",
        originated_at=datetime(2026, 11, 21, 7, 30, 5, tzinfo=UTC),
        category="Hörer",
        out_cue="bis morgen",
    )


@pytest.fixture
def render(tmp_path: Path, labels: pipeline.BroadcastLabels) -> Render:
    return renderer(tmp_path, labels)


def renderer(folder: Path, labels: pipeline.BroadcastLabels) -> Render:
    """What `render` gives, for a folder of one's own: results that several tests look at are made once."""

    def make(original: Path, *, kind: str | None = None, **asked: Any) -> Result:
        work, kept = folder / "work", folder / "kept" / original.name
        work.mkdir(exist_ok=True)
        kept.mkdir(parents=True, exist_ok=True)
        result = Result(pipeline.Facts("document", ""))

        def publish(made: Made) -> None:
            path = kept / made.path.name
            shutil.copyfile(made.path, path)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
            assert path.stat().st_size == made.bytes
            result.made[made.profile] = made
            result.paths[made.profile] = path

        try:
            result.facts = pipeline.make_renditions(
                original,
                declared_kind=kind,
                is_voice=asked.pop("is_voice", kind == "voice"),
                work_dir=work,
                target=asked.pop("target", pipeline.AudioTarget()),
                labels=asked.pop("labels", labels),
                publish=asked.pop("publish", publish),
                original_sha256="0" * 64,
                **asked,
            )
        finally:
            assert list(work.iterdir()) == [], "the working folder is left as it was, whatever happened"
        return result

    return make


@pytest.fixture(scope="session", autouse=True)
def _no_picture_child_left() -> Iterator[None]:
    yield
    images.close_child()
