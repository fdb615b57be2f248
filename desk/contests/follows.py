"""What campaigns do when the wall moves: entries follow a card that is put in or taken out by hand."""

from __future__ import annotations

from desk.contests import queries
from desk.contests.actions import follow_card
from desk.wall import signals
from desk.wall.queries import extras

if follow_card not in signals.entered:
    signals.entered.append(follow_card)
extras.campaigns_of = queries.badges
