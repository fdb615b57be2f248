"""The language of a message: told from its words or by its transcript, never guessed; later ones and changes follow."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import clock, db, schema
from desk.conversations.models import Message
from desk.jobs import work
from desk.live.models import LiveEvent
from desk.media import transcripts
from desk.media.models import Transcript
from desk.rehearsal.cast import read_cast
from desk.settings import Settings
from desk.wall import actions, aside, languages, telling
from desk.wall.models import Card, LanguageCount
from media_store import transcript
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, an_asset

EVENTS = select(func.count()).select_from(LiveEvent)
GERMAN, TURKISH = "Guten Morgen ihr Lieben, hier ist es noch dunkel", "Günaydın, herkese Köln'den çok selamlar"
SAID = {
    "de": (GERMAN, "GUTEN MORGEN AN ALLE DA DRAUSSEN", "Ciao ihr Lieben, bis morgen dann",
           "Merci für die tolle Sendung heute"),
    "en": ("Could you please play something by Queen for my wife?",),
    "tr": (TURKISH, "Annem için bir şarkı çalar mısınız lütfen"),
    "pl": ("Proszę zagrać coś dla mojej mamy",),
    "ru": ("Доброе утро всем, привет из Кёльна",),
    "uk": ("Будь ласка, поставте пісню для моєї мами",),
    "ar": ("صباح الخير للجميع من كولونيا",),
    "it": ("Potete mettere una canzone per mia mamma?",),
    "es": ("Podéis poner una canción para mi madre por favor",),
    "fr": ("Pouvez-vous passer une chanson pour ma mère",),
    "nl": ("Goedemorgen allemaal, groetjes uit Keulen",),
    "ro": ("Bună dimineața tuturor, salutări din Köln",),
    "hr": ("Dobro jutro svima iz Bonna, puno pozdrava", "Добро јутро свима из Бона"),
    "el": ("Καλημέρα σε όλους από την Κολωνία",),
    "pt": ("Bom dia a todos, saudações de Colónia",),
}  # fmt: skip
UNSAID = (
    "", "Moin!", "❤️❤️❤️", "Anna", "Hallo zusammen", "https://example.org/der-die-das/und/oder", "Ja ja ja ja",
    "hahaha haha hahaha haha", "Anna Schmidt, Ben Yıldız, Clara Müller, David Kaya",
    "Elif Yıldız, Mehmet Aydın und Ayşe", "Grüße an Włodzimierz Wiśniewski und Kasia Żółkowska",
    "Köln Bonn Siegburg Troisdorf Hennef", "ABBA - The Winner Takes It All", "1973 2026 47 11",
    "Servus aus Minga, ois guad", "Moin ut Kiel, wat för'n Wedder", "la la la la la",
    "God morgon alla, hälsningar från Bonn", "Chào buổi sáng mọi người từ Bonn",
)  # fmt: skip


def test_words_say_their_language_and_names_signs_or_a_few_words_none() -> None:
    told = {said: language for language, all_said in SAID.items() for said in all_said}
    assert {said: languages.find(said) for said in told} == told
    assert {said: languages.find(said) for said in UNSAID} == dict.fromkeys(UNSAID)


def test_of_all_that_the_cast_writes_and_says_nothing_is_taken_for_another_language() -> None:
    cast, dice = read_cast(), random.Random(3)
    lines = [line for of_station in (*cast.texts.values(), *cast.emoji.values()) for line in of_station]
    for samples in cast.samples.values():
        lines += [line for sample in samples for line in (*sample.captions, sample.says)]
    texts = {cast.filled(line, dice.choice(cast.players), dice) for line in lines for _ in range(4)}
    told = {said: languages.find(said) for said in texts}
    longer = [said for said in texts if len(languages.WORD.findall(said)) >= 4]

    assert set(told.values()) == {"de", None}
    assert sum(told[said] == "de" for said in longer) / len(longer) > 0.9


def test_a_web_process_never_reads_the_model() -> None:
    script = "import sys, desk.factory, desk.wall.views; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_change_of_the_text_is_a_change_of_the_language(session: Session) -> None:
    cast = add_cast(session)
    card = a_card(session, cast.rheinwelle, text=TURKISH)
    assert card.language == "tr"
    message = session.get_one(Message, card.message_id)
    for said, language in ((GERMAN, "de"), ("ok", None)):
        message.text = said
        actions.edit_card(session, message, at=SIX)
        assert card.language == language


@pytest.mark.parametrize(
    ("caption", "reported", "said", "language"),
    [("", "en", "Good morning", "en"), ("", "en", TURKISH, "en"), (GERMAN, "en", "Good morning", "de"),
     ("", None, TURKISH, "tr"), ("", "sv", "God morgon alla från Bonn", None), ("", None, "Moin", None)],
)  # fmt: skip
def test_what_is_said_counts_where_nothing_is_written(
    session: Session, caption: str, reported: str | None, said: str, language: str | None
) -> None:
    cast = add_cast(session)
    card = a_card(session, cast.rheinwelle, kind="voice", text=caption)
    asset = an_asset(session, card.message_id, cast.rheinwelle, original_sha256="a" * 64, state="ready")
    session.add(
        Transcript(asset_id=asset.id, station_id=cast.rheinwelle, state="waiting", original_sha256="a" * 64, at=SIX)
    )
    session.flush()
    words = tuple(transcript.Word(word, 0.0, 1.0) for word in said.split())

    transcripts.keep(session, asset, transcript.Transcript(reported, 0.9, words), at=SIX)

    assert card.language == language


def test_cards_that_were_there_are_told_by_a_worker_in_pieces(
    on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "PIECE_CARDS", 2)  # a limit of ours, small enough to be passed here
    with db.transaction() as session:
        cast = add_cast(session)
        said = [GERMAN, TURKISH, "Moin", GERMAN, TURKISH, GERMAN]
        ids = [a_card(session, cast.rheinwelle, text=one).id for one in said]
        a_card(session, cast.oldie95, text=TURKISH)
    schema.step_down(db.current(), "0014")
    schema.migrate(db.current())
    with db.transaction() as session:
        gone = session.get_one(Card, ids[-1])
        assert session.execute(select(func.count()).where(Card.language.is_not(None))).scalar_one() == 0
        actions.withdraw_card(session, gone, at=SIX)
    with db.reading() as session:
        told_before = session.execute(EVENTS).scalar_one()

    assert work.run_due() == 2

    with db.reading() as session:
        told = {row.id: row.language for row in session.execute(select(Card.id, Card.language))}
        assert [told[card_id] for card_id in ids] == ["de", "tr", None, "de", "tr", None]
        counted = select(LanguageCount.language, func.sum(LanguageCount.cards)).group_by(LanguageCount.language)
        of_mine = counted.where(LanguageCount.station_id == cast.rheinwelle)
        assert {row[0]: int(row[1]) for row in session.execute(of_mine)} == {"de": 2, "tr": 2}
        assert session.execute(EVENTS).scalar_one() == told_before, "no screen has to hear of it"


def test_who_comes_back_to_the_wall_has_the_language_of_the_words_of_now(cast: Cast) -> None:
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, text=GERMAN)
        before = aside.set_aside(session, card, by=cast.nia, at=clock.now())
    with db.transaction() as session:
        card = session.get_one(Card, card.id)
        assert card.language is None
        session.get_one(Message, card.message_id).text = TURKISH
        aside.put_back(session, card, before, by=cast.nia, at=clock.now())
    work.run_due()
    with db.reading() as session:
        assert session.get_one(Card, card.id).language == "tr"
