"""What campaigns do when the wall moves: entries follow a card that is put in, taken out by hand, or withdrawn."""

from __future__ import annotations

from desk.contests import backwards, queries
from desk.contests.actions import follow_card, follow_withdrawal
from desk.wall import signals, sweeps
from desk.wall.queries import extras

if follow_card not in signals.entered:
    signals.entered.append(follow_card)
if follow_withdrawal not in signals.withdrawn:
    signals.withdrawn.append(follow_withdrawal)
extras.campaigns_of = queries.badges
extras.has_campaign = queries.has_campaign
extras.list_campaigns = queries.list_choices
sweeps.doers[backwards.ACT] = backwards.enter_one
