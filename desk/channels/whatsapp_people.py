"""Who a WhatsApp payload speaks of: numbers, ids and the contacts that come along.

A person may come with a number, with the provider's id, or with both; contacts belong to messages by those, never by
position, and may be missing. Looking people up and merging them is the listeners' room's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from desk.channels import loose_json as loose
from desk.channels.contract import JSON, Sender

BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
PHONE = re.compile(r"\+?([0-9]{5,20})")


class Contacts:
    """The people a value introduces, to be found by id or number: their position says nothing."""

    def __init__(self, people: Iterable[Sender]) -> None:
        self._by_bsuid: dict[str, Sender] = {}
        self._by_number: dict[str, Sender] = {}
        self._without_bsuid: dict[str, Sender] = {}  # by number
        for person in people:
            if person.bsuid:
                self._by_bsuid.setdefault(person.bsuid, person)
            elif person.wa_id:
                self._without_bsuid.setdefault(person.wa_id, person)
            if person.wa_id:
                self._by_number.setdefault(person.wa_id, person)

    def matching(self, bsuid: str | None, number: str | None) -> Sender | None:
        """The person with this id, else this number, unless an id there says it is somebody else."""
        if bsuid is None:
            return self._by_number.get(number or "")
        return self._by_bsuid.get(bsuid) or self._without_bsuid.get(number or "")


NOBODY = Contacts(())


def read_contact(raw: dict[str, JSON]) -> Sender:
    profile = loose.mapping(raw.get("profile"))
    return Sender(
        bsuid=loose.text(raw, "user_id"),
        parent_bsuid=loose.text(raw, "parent_user_id"),
        wa_id=loose.text(raw, "wa_id"),
        profile_name=loose.text(profile, "name"),
        username=loose.text(profile, "username"),
    )


def read_party(raw: dict[str, JSON], contacts: Contacts, number_key: str, id_key: str, parent_key: str) -> Sender:
    number = loose.text(raw, number_key)
    stated = Sender(bsuid=loose.text(raw, id_key), parent_bsuid=loose.text(raw, parent_key), phone=phone_from(number))
    if stated.bsuid is None and number and BSUID.fullmatch(number):
        stated = replace(stated, bsuid=number)
    return join_contact(stated, number, contacts)


def join_contact(stated: Sender, number: str | None, contacts: Contacts) -> Sender:
    """What the item itself says, filled up from the contact that belongs to it: never by position, only by id."""
    contact = contacts.matching(stated.bsuid, number)
    if contact is None:
        return stated
    return Sender(
        bsuid=stated.bsuid or contact.bsuid,
        parent_bsuid=stated.parent_bsuid or contact.parent_bsuid,
        wa_id=contact.wa_id or stated.wa_id,
        phone=stated.phone,
        profile_name=contact.profile_name,
        username=contact.username,
    )


def phone_from(number: str | None) -> str | None:
    """Digits as the provider writes them → number with plus; None for anything else."""
    found = PHONE.fullmatch(number or "")
    return f"+{found[1]}" if found else None
