"""Why work waits or was given up, as a sentence for people: English message ids that the page translates.

The codes are those of the errors where they are raised; their sentences are the errors' own.
"""

from __future__ import annotations

from desk.channels import contract
from desk.conversations import replies
from desk.errors import DeskError
from desk.media.queries import REASONS
from media_store.transcript import EngineFailed

INSIDE = "A fault inside the desk stopped this work. The log says more."
OWN = {
    "tries_used_up": "It was tried too often without success.",
    "provider_budget": "The provider's limit for fetching files is used up for the moment.",
    "contests.file_missing": "A file of this export is missing in the store.",
    "contests.file_damaged": "A file of this export is damaged in the store.",
    "store.unavailable": "The store for files cannot be reached.",
    EngineFailed.code: EngineFailed.template,
}


def _own_sentences(kind: type[DeskError]) -> dict[str, str]:
    found = {kind.code: kind.message}
    for narrower in kind.__subclasses__():
        found |= _own_sentences(narrower)
    return found


SENTENCES = {
    **_own_sentences(contract.SendError),
    replies.WindowClosed.code: replies.WindowClosed.message,
    **REASONS,
    **OWN,
}


def plain_reason(code: str | None) -> str | None:
    """The sentence for a reason's code; a longer code ("channels.refused.spam") falls back on its beginning."""
    known = code
    while known:
        if known in SENTENCES:
            return SENTENCES[known]
        known = known.rpartition(".")[0]
    return INSIDE if code else None
