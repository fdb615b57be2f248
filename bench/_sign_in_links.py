"""`python -m bench._sign_in_links COUNT`: so many one-time sign-in links of a running rehearsal desk, as JSON.

Run with the desk's environment. The links are of people who may judge, one after the other.
"""

from __future__ import annotations

import json
import sys

from desk import clock, db
from desk.cli.rehearse import PEOPLE, STATIONS
from desk.cli.run import ready_house
from desk.people import actions as people
from desk.people import queries

JUDGES = {"producer", "editor", "service"}


def main(count: int) -> list[str]:
    ready_house()
    emails = [email for email, _name, _hue, roles in PEOPLE if JUDGES & set(roles)]
    with db.transaction() as session:
        station = queries.load_station(session, STATIONS[0][0])
        found = [queries.find_person(session, emails[number % len(emails)]) for number in range(count)]
        at = clock.now()
        return [people.make_link(session, person, at=at, station=station) for person in found if person is not None]


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
