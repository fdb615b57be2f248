"""Tables of assets (one file a listener sent) and their renditions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base

LEFT = "reason = 'media.sender_blocked'"  # asked for by the keeper, and few


class Asset(Base):
    """One file of a message.

    States: waiting, fetching, processing, ready, failed. `reason` is a stable code ("media.no_audio").
    `kind` is what the bytes are (voice, audio, image, video, sticker, document), before the fetch what was declared.
    `facts` holds figures and flags of the measurement: gain_db, level_note, flags, cue and air
    points, dhash, blurhash.
    `peaks` are 56 bars, one byte each, for the card. `is_covered` is what a person decided on its card, None: nothing.
    """

    __tablename__ = "asset"
    __table_args__ = (
        Index("ix_asset_state", "state", "id"),
        Index("ix_asset_left", "id", sqlite_where=text(LEFT), postgresql_where=text(LEFT)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    is_voice: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(60))
    progress_percent: Mapped[int | None]
    retry_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    provider_media_sealed: Mapped[str | None] = mapped_column(Text)
    declared_mime: Mapped[str | None] = mapped_column(String(120))
    declared_sha256: Mapped[str | None] = mapped_column(String(64))
    is_covered: Mapped[bool | None]
    file_name: Mapped[str | None] = mapped_column(String(120))
    original_key: Mapped[str | None] = mapped_column(String(200))
    original_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    original_bytes: Mapped[int | None]
    original_mime: Mapped[str | None] = mapped_column(String(60))
    duration_s: Mapped[float | None]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    loudness_lufs: Mapped[float | None]
    true_peak_dbtp: Mapped[float | None]
    peaks: Mapped[bytes | None] = mapped_column(LargeBinary)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Print(Base):
    """What a file sounds or looks like, in a few hundred bytes: see media_store's prints.

    `of`: sound, picture or film; a video has a film and a sound. It goes with the file it was taken of.
    """

    __tablename__ = "print"

    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"), primary_key=True)
    of: Mapped[str] = mapped_column(String(8), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class PrintKey(Base):
    """A number that copies of a file are likely to share; up to 64 for each file.

    The table is its own index: a search goes from station and number straight to the files.
    """

    __tablename__ = "print_key"
    __table_args__ = {"sqlite_with_rowid": False}

    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"), primary_key=True, index=True)


class Transcript(Base):
    """What is said in a file, where its station has it written down. Personal like the file, and goes with it.

    States: waiting, ready (also with no words, where nobody speaks), sung, failed. `words`: [word, start_s, end_s].
    """

    __tablename__ = "transcript"

    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"), primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    state: Mapped[str] = mapped_column(String(8))
    language: Mapped[str | None] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text, default="")
    words: Mapped[list[Any]] = mapped_column(default=list)
    original_sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Rendition(Base):
    """A file made from an original: which original, by which version of the recipe, with its own hash.

    `settings` names the station's wishes that shaped its bytes; empty if none did. `begins_s` is where in the sound of
    the original it begins: the air copy begins with the first sound, the other forms at 0.
    """

    __tablename__ = "rendition"
    __table_args__ = (UniqueConstraint("asset_id", "profile"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"))
    profile: Mapped[str] = mapped_column(String(20))
    mime: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(200))
    bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    duration_s: Mapped[float | None]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    loudness_lufs: Mapped[float | None]
    true_peak_dbtp: Mapped[float | None]
    recipe_version: Mapped[int]
    settings: Mapped[str] = mapped_column(String(80), default="")
    begins_s: Mapped[float] = mapped_column(default=0.0)
    original_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
