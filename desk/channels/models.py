"""Table of channels: a number or address of a station at one provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Channel(Base):
    """`public_id` stands in the webhook address; `number_id` is the provider's id of the station's number.

    `secrets_sealed` opens to the adapter's secrets (app_secrets, verify_token, access_token).
    `settings` are the adapter's open settings (graph_base_url, api_version, allowed_hosts).
    `media_faults` counts failed file reads since the last one that worked, `media_faulted_at` is the newest of them.
    """

    __tablename__ = "channel"
    __table_args__ = (UniqueConstraint("kind", "number_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(String(120))
    number_id: Mapped[str] = mapped_column(String(64))
    display_number: Mapped[str] = mapped_column(String(40), default="")
    secrets_sealed: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    verified_at: Mapped[datetime | None]
    last_delivery_at: Mapped[datetime | None]
    media_faults: Mapped[int] = mapped_column(default=0)
    media_faulted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
