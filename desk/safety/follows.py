"""What the room safety does when something below it changes: looks at new words, hides what is with the lead."""

from __future__ import annotations

from desk.conversations import queries as conversations
from desk.media import signals as media
from desk.safety import finding, queries
from desk.wall import signals

signals.edited.append(finding.look_at_card)
media.spoken.append(finding.look_at_speech)
conversations.set_aside.append(queries.set_aside)
