"""Which channels there are: one line per kind.

To add one, write its folder (channel.py as adapter to contract.py) and its cases under tests/channels, then add the
line here. Rooms above open a channel from its row with open_channel and know no provider by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from desk.channels.contract import JSON, Channel
from desk.channels.whatsapp_cloud.channel import open_whatsapp_cloud
from desk.errors import NotFound


class Opener(Protocol):
    def __call__(
        self, number_id: str, settings: Mapping[str, JSON], secrets: Mapping[str, JSON], *, is_rehearsal: bool
    ) -> Channel: ...


CHANNELS: dict[str, Opener] = {
    "whatsapp_cloud": open_whatsapp_cloud,
}


class UnknownChannel(NotFound):
    code = "channels.unknown_kind"
    message = "There is no such kind of channel."


def open_channel(
    kind: str,
    number_id: str,
    settings: Mapping[str, JSON],
    secrets: Mapping[str, JSON],
    *,
    is_rehearsal: bool = False,
) -> Channel:
    """The adapter for one row of the table `channel`, secrets already opened.

    Makes no connection. Raises UnknownChannel, or Invalid with every fault in settings and secrets.
    """
    opener = CHANNELS.get(kind)
    if opener is None:
        raise UnknownChannel
    return opener(number_id, settings, secrets, is_rehearsal=is_rehearsal)
