"""What every channel can do, and what it reads out of a delivery.

Owns the values that cross from a provider into the desk (items), the ones that go back (Outgoing) and the two
families of errors. Knows no provider: names, field paths and error numbers stay in the channel's own folder.
What an item does to listeners, conversations and the wall is decided in the rooms above (intake).

Text in items is clean: no NUL and no lone surrogates, so every database takes it. Nothing is cut.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, TypeAlias

from desk.errors import DeskError, Invalid, NotAllowed, NotFound, Unavailable

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


# --- who -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """A person as one channel names them; every part may be missing, none is ever an empty text.

    `bsuid` is the provider's id for this person towards us and comes first when looking somebody up. `wa_id` is the
    provider's phone-like id (digits), `phone` a number with plus; they are usually the same number, but not promised
    to be. `profile_name` and `username` are free text by the person and identify nobody.
    """

    bsuid: str | None = None
    parent_bsuid: str | None = None
    wa_id: str | None = None
    phone: str | None = None
    profile_name: str | None = None
    username: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to recognise this person by."""
        return bool(self.bsuid or self.parent_bsuid or self.wa_id or self.phone)


# --- what comes in ---------------------------------------------------------------------------------------------------


class MessageKind(StrEnum):
    """What a listener's message is, as the provider calls it; the bytes of media have the last word later."""

    TEXT = "text"
    VOICE = "voice"  # recorded in the messenger
    AUDIO = "audio"  # an audio file
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"  # also photos, films and songs "in full quality"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACTS = "contacts"
    REACTION = "reaction"  # within an Echo only; a listener's reaction is a ReactionChange
    BUTTON = "button"
    INTERACTIVE = "interactive"
    ORDER = "order"
    SYSTEM = "system"
    UNSUPPORTED = "unsupported"  # the provider could not pass it on
    UNKNOWN = "unknown"  # the provider passed it on and we do not know the type
    REQUEST_WELCOME = "request_welcome"  # chat opened, nothing written


@dataclass(frozen=True, slots=True)
class IncomingMedia:
    """A file that can be fetched by its id; what the provider declares about it is a claim, not a fact."""

    provider_media_id: str
    mime: str  # as declared, with parameters: "audio/ogg; codecs=opus"; "" if none
    sha256: bytes | None = None  # 32 bytes
    file_name: str | None = None  # the listener's, as typed: text only, never a path
    is_voice: bool = False
    is_animated: bool = False


@dataclass(frozen=True, slots=True)
class ProviderError:
    """One error object of the provider. Decide by `code`; title and details are for people."""

    code: int | None
    title: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing read out of a delivery.

    `number_id` is the provider's id of our number (the route to a station), None where the event concerns the whole
    account. `position` is the path inside the delivery, for logs and for setting an item aside.
    """

    number_id: str | None = None
    account_id: str | None = None
    position: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming(Item):
    """One listener message.

    `text` is body, caption or the title of the button pressed; "" if there is none. `media_error` is the provider's
    code when it holds no file for us (131052: too big or lost); then `media` is None and nothing is to be fetched.

    `details` holds what staff may see beside text and media. Keys appear only when there is something to say:
      location        {latitude, longitude: float|None, name, address, url: str|None}
      cards           [{name: str|None, phones: [{phone, wa_id, type}], emails: [str], organisation: str|None,
                      addresses: [str], urls: [str], birthday: str|None, origin: str|None}]
      order           {catalogue_id: str|None, items: [{product, quantity, price, currency}]}
      button          {payload: str|None}
      interactive     {type, id, title, description, name: str|None, form: JSON}
      unsupported     {type: str|None}       what the provider says it could not pass on
      raw_type        str|None               the type we do not know
      errors          [{code: int|None, title, details: str}]
      referral        {source_url, source_id, source_type, headline, body, media_type, image_url, video_url,
                      thumbnail_url, welcome_text: str|None}   the ad it began at; never fetch these addresses
      product         {catalogue_id, product: str|None}        asked from a catalogue
      system          {type, body: str|None}
      missing         [str]                  parts this kind of message should have had
    """

    provider_id: str
    sender: Sender
    sent_at: datetime
    kind: MessageKind
    text: str = ""
    media: IncomingMedia | None = None
    details: dict[str, JSON] = dataclasses.field(default_factory=dict)
    reply_to: str | None = None
    is_forwarded: bool = False
    is_frequently_forwarded: bool = False
    group_id: str | None = None
    media_error: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChange(Item):
    """A listener put an emoji on one of our messages, or took it back (`emoji` None)."""

    provider_id: str
    sender: Sender
    target_id: str
    emoji: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Item):
    """A listener changed a message; the event has an id of its own and may come before its target."""

    provider_id: str
    target_id: str
    sender: Sender
    at: datetime
    kind: MessageKind
    text: str = ""
    media: IncomingMedia | None = None
    details: dict[str, JSON] = dataclasses.field(default_factory=dict)
    media_error: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke(Item):
    """A listener took a message back; may come before its target. Only the author may: compare through all aliases."""

    provider_id: str
    target_id: str
    sender: Sender
    at: datetime


class IdentityReason(StrEnum):
    USER_ID = "user_id"  # the provider's id of the person changed
    NUMBER = "number"  # the phone number changed
    DEVICE = "device"  # reinstalled or new device: same ids, new keys


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChange(Item):
    """A person has new ids: keep the old ones as aliases. Not a listener message. May repeat and come in any order.

    `old` and `new` hold only what the event states; they are equal for DEVICE.
    """

    provider_id: str | None
    old: Sender
    new: Sender
    at: datetime
    reason: IdentityReason


class DeliveryStatus(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange(Item):
    """What became of a message of ours. Unordered; may come before our own transaction has stored the id.

    `pricing` has the provider's category, type, model (text or None) and billable (bool or None); {} if not stated.
    """

    provider_id: str
    status: DeliveryStatus
    at: datetime
    recipient: Sender
    group_id: str | None = None
    callback_data: str | None = None
    error: ProviderError | None = None
    pricing: dict[str, JSON] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChange(Item):
    """A person told the provider what they want from us: `value` is stop, resume or signup."""

    sender: Sender
    category: str
    value: str
    detail: str
    at: datetime
    signup_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNotice(Item):
    """The provider speaks about our account, number or templates; for operators, never for the wall.

    `field` is the provider's own name of the notice, `summary` one line, `details` the notice as it came.
    """

    field: str
    summary: str
    code: int | None = None
    details: dict[str, JSON] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Item):
    """A message the station typed in the provider's own app: outbound, opens no window."""

    provider_id: str
    recipient: Sender
    sent_at: datetime
    kind: MessageKind
    text: str = ""
    media: IncomingMedia | None = None
    details: dict[str, JSON] = dataclasses.field(default_factory=dict)
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Item):
    """A voice call with a listener. One that the listener began opens the service window, answered or not."""

    provider_id: str
    caller: Sender
    event: str  # "connect", "terminate", …
    is_from_listener: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryIgnored(Item):
    """Old messages or phone book entries offered for import: understood and not used."""

    field: str
    count: int
    error: ProviderError | None = None


class UnreadableReason(StrEnum):
    UNKNOWN_FIELD = "unknown_field"  # a kind of event we do not know: count it
    UNKNOWN_STATUS = "unknown_status"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_ID = "missing_id"
    MISSING_SENDER = "missing_sender"
    MISSING_TIME = "missing_time"
    MISSING_TARGET = "missing_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Item):
    """Something that could not be understood; the rest of the delivery was read all the same.

    `is_message` tells that it stood where listener messages stand: somebody wrote something, so people should see it.
    `provider_id` and `sender` are what could be read. `raw` is the part as it came, made fit to store: text cleaned,
    anything nested deeper than the reader goes replaced by a note.
    """

    reason: UnreadableReason
    raw: JSON
    is_message: bool = False
    provider_id: str | None = None
    sender: Sender = Sender()


AnyItem: TypeAlias = (
    Incoming
    | ReactionChange
    | Edit
    | Revoke
    | IdentityChange
    | StatusChange
    | PreferenceChange
    | AccountNotice
    | Echo
    | Call
    | HistoryIgnored
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything one delivery held, in the order it stood there (which says nothing about the order it happened)."""

    items: tuple[AnyItem, ...]


class NotADelivery(Invalid):
    """The body is not a delivery of this provider at all."""

    code = "channels.not_a_delivery"
    message = "This is not a delivery of the provider."

    def __init__(self, reason: str) -> None:
        super().__init__({"body": reason})
        self.reason = reason


class BadSignature(NotAllowed):
    """The delivery was not signed by the provider; `reason` is for counting, never for the answer."""

    code = "channels.bad_signature"
    message = "The signature does not fit."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


# --- what goes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where to send to. `bsuid` wins if both are known, except where only a phone number is accepted."""

    bsuid: str | None = None
    phone: str | None = None  # with plus and country code


@dataclass(frozen=True, slots=True)
class ReplyButton:
    id: str  # comes back with the answer, at most 256 characters
    title: str  # at most 20 characters


@dataclass(frozen=True, slots=True)
class OutgoingMedia:
    """A file already handed to the provider (upload_media); the caption is the message's text."""

    provider_media_id: str
    kind: MessageKind  # voice, audio, image, video, document or sticker
    file_name: str | None = None  # documents only


@dataclass(frozen=True, slots=True)
class Template:
    """A text approved by the provider, the only thing that may be sent outside the service window."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one listener: text, text with up to three buttons, media with caption, a reaction or a template.

    `callback_data` comes back with every status of this message: put the reply's own id there, so that a send whose
    answer was lost can be recognised.
    """

    to: Recipient
    text: str = ""
    reply_to: str | None = None
    media: OutgoingMedia | None = None
    buttons: tuple[ReplyButton, ...] = ()
    reaction: str | None = None  # an emoji on the message `reply_to`; "" takes it back
    template: Template | None = None
    callback_data: str | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """The provider took the message: accepted, not delivered."""

    provider_id: str


class SendError(DeskError):
    """A message did not go out, or we cannot know. `provider_code` is the provider's number if it gave one."""

    code = "channels.send_failed"
    message = "The message could not be sent."
    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, provider_code: int | None = None) -> None:
        super().__init__(message)
        self.provider_code = provider_code


class Throttled(SendError, Unavailable):
    """Too fast for the provider; nothing went out. Try again after `after_s`, longer with each attempt."""

    code = "channels.throttled"
    message = "The provider asks us to slow down. The message goes out a little later."
    is_retryable = True

    def __init__(self, after_s: float, *, provider_code: int | None = None, is_pair_limit: bool = False) -> None:
        super().__init__(provider_code=provider_code)
        self.after_s = after_s
        self.is_pair_limit = is_pair_limit  # this listener only: wait 4, 16, 64 … s and let others pass


class Unreachable(SendError, Unavailable):
    """No connection came about: nothing went out, and trying again is safe."""

    code = "channels.unreachable"
    message = "The provider cannot be reached. The message goes out as soon as it can."
    is_retryable = True

    def __init__(self, after_s: float = 15.0) -> None:
        super().__init__()
        self.after_s = after_s


class RefusalReason(StrEnum):
    """Why the provider will not take this message, as far as the desk acts differently on it."""

    BAD_REQUEST = "bad_request"
    RECIPIENT_UNREACHABLE = "recipient_unreachable"  # mark the address
    RECIPIENT_BLOCKED = "recipient_blocked"  # by us: unblock first
    OPTED_OUT = "opted_out"  # record it
    HELD_BACK = "held_back"  # not before 24 h
    TOO_MUCH_SPAM = "too_much_spam"  # stop campaigns
    NEEDS_PHONE = "needs_phone"  # this message cannot go to a bsuid
    NOT_IN_THIS_CHAT = "not_in_this_chat"
    TEMPLATE = "template"
    MEDIA = "media"  # make the file again
    IDENTITY = "identity"
    UNKNOWN = "unknown"


class Refused(SendError):
    """The provider will not take this message; sending it again changes nothing."""

    code = "channels.refused"
    message = "The provider did not accept this message."

    def __init__(self, reason: RefusalReason, *, provider_code: int | None = None, message: str | None = None) -> None:
        super().__init__(message, provider_code=provider_code)
        self.reason = reason


class WindowClosed(SendError, NotAllowed):
    """More than 24 h since the listener last wrote: only a template may be sent."""

    code = "channels.window_closed"
    message = "The 24 hours for a free reply are over. You can send a template."

    def __init__(self, *, provider_code: int | None = None) -> None:
        super().__init__(provider_code=provider_code)


class OutcomeUnknown(SendError):
    """It may have gone out. Never repeat by machine: wait for a status with our callback data, or ask a person."""

    code = "channels.outcome_unknown"
    message = "We cannot tell whether this message went out."


class ChannelBroken(SendError):
    """Nothing can be sent over this channel until an administrator acts; `advice` says where to look."""

    code = "channels.broken"
    message = "This channel cannot send at the moment. An administrator has to look at it."

    def __init__(self, advice: str, *, provider_code: int | None = None) -> None:
        super().__init__(provider_code=provider_code)
        self.advice = advice  # "token", "permission", "account", "number", "payment"


# --- media -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FetchedMedia:
    """A file as it arrived, complete and checked. `mime` is what the provider says, "" if it says nothing."""

    size_bytes: int
    sha256: bytes
    mime: str


class MediaError(DeskError):
    """A file could not be fetched. Whatever was written to the destination is gone again."""

    code = "channels.media_failed"
    message = "The file could not be fetched."
    is_retryable: ClassVar[bool] = False

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self.reason = reason  # for logs: no address, no token


class MediaGone(MediaError, NotFound):
    """The provider does not hold this file (any more)."""

    code = "channels.media_gone"
    message = "The provider no longer has this file."


class MediaTooLarge(MediaError):
    code = "channels.media_too_large"
    message = "The file is larger than the desk takes."

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"more than {max_bytes} bytes")
        self.max_bytes = max_bytes


class MediaUnreachable(MediaError, Unavailable):
    """Not now: server fault, too slow, broken off, throttled, link expired. The id lives for days; try for hours."""

    code = "channels.media_unreachable"
    message = "The file cannot be fetched at the moment. The desk keeps trying."
    is_retryable = True

    def __init__(self, after_s: float, reason: str = "") -> None:
        super().__init__(reason)
        self.after_s = after_s


class MediaNotReached(MediaUnreachable):
    """No connection came about, so the provider counted nothing: our line is down, or theirs."""

    code = "channels.media_not_reached"
    message = "The provider cannot be reached at the moment. The desk keeps trying."


class MediaMismatch(MediaUnreachable):
    """What came is not what was announced (length, hash, or a page instead of a file). A new attempt may do better."""

    code = "channels.media_mismatch"
    message = "The file arrived damaged. The desk fetches it again."


class HostRefused(MediaError):
    """The provider named an address outside the list; no connection was made."""

    code = "channels.host_refused"
    message = "The provider named an address the desk does not fetch from."


class TokenRefused(MediaError, Unavailable):
    """The access token is invalid or lacks a right: alarm. The files wait at the provider for days."""

    code = "channels.token_refused"
    message = "The provider refuses our access token. An administrator has to renew it."
    is_retryable = True

    def __init__(self, reason: str = "", after_s: float = 1800.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


# --- the channel itself ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What the provider says about our number, for `desk channel check` and the health line."""

    is_ok: bool
    problem: str | None = None  # the error's code if not ok
    details: dict[str, str] = dataclasses.field(default_factory=dict)


class Channel(Protocol):
    """One configured number, mailbox or address. Made by registry.open_channel; safe to share between threads."""

    kind: str

    def verify(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """Pass if the delivery is the provider's; raises BadSignature. Works on the raw bytes, before any parsing."""

    def may_be_signed(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers are worth reading the body for."""

    def answer_handshake(self, arguments: Mapping[str, str]) -> str | None:
        """The text to answer the provider's address check with (as text/plain), or None to refuse."""

    def read(self, body: bytes) -> Reading:
        """Read a delivery; pure. Raises NotADelivery for a body that is not this provider's; never for one item."""

    def fetch_media(
        self,
        provider_media_id: str,
        destination: BinaryIO | Path,
        *,
        max_bytes: int,
        deadline_s: float,
        expected_sha256: bytes | None = None,
    ) -> FetchedMedia:
        """Fetch a file into `destination`, which is empty again (a path: removed) if anything fails: MediaError."""

    def send(self, message: Outgoing) -> SendResult:
        """Send one message, once. Raises SendError, or Invalid for a message that cannot be sent as it is."""

    def upload_media(self, path: Path, *, mime: str, file_name: str) -> str:
        """Hand a file to the provider and return its id for OutgoingMedia. Raises SendError; may be repeated."""

    def mark_read(self, provider_id: str) -> None:
        """Show the listener that this message and earlier ones were read. Raises SendError; may be repeated."""

    def check(self) -> ChannelReport:
        """Ask the provider about our number; never raises for a provider's fault."""
