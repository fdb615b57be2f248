"""A file over the limits: its original is kept, nothing is made of it, and the card says why in the person's words."""

from __future__ import annotations

import wave
from io import BytesIO

import numpy as np
from flask import Flask
from flask_babel import force_locale, gettext

from desk import db
from desk.media import queries, storage, workplace
from tests.intake.graph import Graph
from tests.intake.provider import Provider, message, messages

MINUTES = 31


def long_sound() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 1, 8000, 0, "NONE", ""))
        out.writeframes(np.tile(np.arange(124, 132, dtype=np.uint8), MINUTES * 60 * 1000).tobytes())
    return file.getvalue()


def test_a_sound_over_half_an_hour_is_kept_and_the_card_says_why(provider: Provider, graph: Graph, app: Flask) -> None:
    data = long_sound()
    sha256 = graph.keep("590000000000032", data, "audio/wav")
    provider.post(messages(message("audio", {"id": "590000000000032", "mime_type": "audio/wav", "sha256": sha256})))

    provider.run()

    asset = provider.asset()
    assert (asset.state, asset.reason, provider.renditions()) == ("failed", "media.too_long", set())
    assert storage.current().info(str(asset.original_key)).bytes == asset.original_bytes == len(data)
    with db.reading() as session:
        (shown,) = queries.list_assets(session, [asset.message_id])[asset.message_id]
    said = shown.as_json()
    assert "original" in said["profiles"]
    with app.test_request_context(), force_locale("de"):
        assert gettext(said["reason_text"], **said["reason_facts"]).startswith("Länger als 30 Minuten")
    assert list(workplace.temp_folder().iterdir()) == []
    assert len(provider.cards()) == 1
