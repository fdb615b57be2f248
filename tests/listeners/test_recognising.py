"""Who somebody is: ids in any order, merged doubles, friendly names, places read out of greetings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db, sealing
from desk.channels.contract import IdentityChange, IdentityReason, Recipient, Sender
from desk.listeners import actions, queries, rules
from desk.listeners.models import Address, Listener
from desk.settings import Settings
from tests.desk_fixtures import SIX, Cast, add_cast

KIND = "whatsapp_cloud"
ADA = Sender(bsuid="DE.1", wa_id="4915790001234", phone="+4915790001234", profile_name="Ada Köster")
ADA_HIDDEN = Sender(bsuid="DE.1")
ADA_OLD = Sender(wa_id="4915790001234", phone="+4915790001234")
ADA_NEW = Sender(bsuid="DE.2", wa_id="4915790001299", phone="+4915790001299")


def meet(session: Session, cast: Cast, sender: Sender) -> Listener:
    return actions.recognise(session, cast.rheinwelle, KIND, sender, at=SIX)


def living(session: Session) -> list[Listener]:
    session.flush()
    return list(
        session.execute(select(Listener).where(Listener.merged_into_id.is_(None)).order_by(Listener.id)).scalars()
    )


@pytest.fixture
def ready(on_both_databases: Settings) -> Cast:
    with db.transaction() as session:
        return add_cast(session)


def numbered(sender: Sender, number: int) -> Sender:
    """The same ids for another person, so that every order is tried on somebody new."""
    parts = {name: getattr(sender, name) for name in ("bsuid", "wa_id", "phone")}
    return replace(sender, **{name: f"{part}{number:03d}" for name, part in parts.items() if part})


def test_a_person_is_one_listener_whatever_ids_come_first(ready: Cast) -> None:
    for number, order in enumerate(permutations((ADA, ADA_HIDDEN, ADA_OLD))):
        with db.transaction() as session:
            before = len(living(session))
            for sender in order:
                listener = meet(session, ready, numbered(sender, number))

            assert len(living(session)) == before + 1
            assert listener.first_name == "Ada"
            reached = queries.find_recipient(session, listener.id, KIND)
            assert reached == Recipient(f"DE.1{number:03d}", f"+4915790001234{number:03d}")


def test_a_changed_identity_in_any_order_ends_alike(ready: Cast) -> None:
    for number, order in enumerate(permutations(("before", "change", "after", "late"))):
        ada, hidden, new = (numbered(sender, number) for sender in (ADA, ADA_HIDDEN, ADA_NEW))
        change = IdentityChange(provider_id=None, old=hidden, new=new, at=SIX, reason=IdentityReason.USER_ID)
        with db.transaction() as session:
            before = len(living(session))
            for step in order:
                if step == "change":
                    actions.apply_identity_change(session, ready.rheinwelle, KIND, change, at=SIX)
                else:
                    meet(session, ready, {"before": ada, "after": new, "late": hidden}[step])

            assert len(living(session)) == before + 1, order
            recipient = queries.find_recipient(session, living(session)[-1].id, KIND)
            assert recipient is not None, order
            assert recipient.bsuid == new.bsuid, order


def test_the_same_person_at_two_stations_is_two_listeners(cast: Cast, session: Session) -> None:
    here = actions.recognise(session, cast.rheinwelle, KIND, ADA, at=SIX)
    there = actions.recognise(session, cast.oldie95, KIND, ADA, at=SIX)

    assert here.id != there.id


def test_a_merged_listener_leads_to_the_one_who_stays(cast: Cast, session: Session) -> None:
    one = meet(session, cast, ADA_HIDDEN)
    two = meet(session, cast, ADA_OLD)
    one.stopped_at = SIX
    two.blocked_until = SIX + timedelta(days=1)

    kept = meet(session, cast, ADA)

    assert kept.id == one.id
    assert queries.load_listener(session, cast.rheinwelle, two.id).id == one.id
    assert (kept.stopped_at, kept.blocked_until) == (SIX, SIX + timedelta(days=1))


def test_another_stations_listener_is_not_there(cast: Cast, session: Session) -> None:
    ada = meet(session, cast, ADA)

    with pytest.raises(queries.NoListener):
        queries.load_listener(session, cast.oldie95, ada.id)


def test_names_and_user_names_identify_nobody(cast: Cast, session: Session) -> None:
    one = meet(session, cast, Sender(bsuid="DE.7", profile_name="Bo", username="bo"))
    two = meet(session, cast, Sender(bsuid="DE.8", profile_name="Bo", username="bo"))

    assert one.id != two.id


def test_the_surname_and_the_number_are_sealed(cast: Cast, session: Session) -> None:
    ada = meet(session, cast, ADA)
    session.flush()
    addresses = session.execute(select(Address)).scalars().all()

    open_values = f"{ada.alias} {ada.first_name} {ada.display_name_sealed} {[a.value_sealed for a in addresses]}"
    assert "Köster" not in open_values
    assert "1234" not in open_values
    assert sealing.unseal(ada.display_name_sealed or "", actions.name_about(ada.id)) == "Ada Köster"


def test_stop_and_resume_are_kept(cast: Cast, session: Session) -> None:
    ada = meet(session, cast, ADA)

    actions.set_preference(session, ada, "stop", at=SIX)
    actions.set_preference(session, ada, "resume", at=SIX - timedelta(hours=1))
    assert ada.stopped_at == SIX
    actions.set_preference(session, ada, "resume", at=SIX + timedelta(hours=1))
    assert ada.stopped_at is None


@pytest.mark.parametrize(
    ("profile_name", "first_name"),
    [("Familie Schäfer-Öztürk", ""), ("Frau Köster", ""), ("Dr. Köster", ""),
     ("Jutta Köster", "Jutta"), ("Dr. Jutta Köster", "Jutta"), ("~ karl-heinz ☀️", "Karl-Heinz"), ("ŁUKASZ", "Łukasz"),
     ("🌻🌻", ""), ("K8", ""), ("Team Blau", ""), ("0157 9000", ""), ("", ""), (None, ""), ("Oma", ""),
     ("McGregor", "McGregor"), ("Ünal", "Ünal"), ("J", "")],
)  # fmt: skip
def test_a_first_name_is_taken_only_if_it_looks_like_one(profile_name: str | None, first_name: str) -> None:
    assert rules.first_name_of(profile_name) == first_name


@pytest.mark.parametrize(
    ("text", "place"),
    [("Grüße aus Remagen!", "Remagen"), ("hier ist Jutta aus Bad Breisig", "Bad Breisig"),
     ("Liebe Grüße aus dem schönen Frankfurt am Main", "Frankfurt am Main"),
     ("aus Mönchengladbach-Rheydt", "Mönchengladbach-Rheydt"),
     ("aus Spaß", ""), ("frisch aus der Küche", ""), ("Ich komme aus köln", ""), ("in Berlin ist Stau", ""),
     ("aus Versehen aus Linz", "Linz"), ("", "")],
)  # fmt: skip
def test_a_place_is_read_out_of_a_greeting(text: str, place: str) -> None:
    assert rules.find_place(text) == place


def test_aliases_are_friendly_and_say_nothing_of_the_number() -> None:
    aliases = {rules.alias_of(number) for number in range(10_000)}

    assert len(aliases) == len(rules.ANIMALS) * 90
    assert all(len(alias) <= 20 for alias in aliases)
