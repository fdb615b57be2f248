"""The moderation wall: cards, verdicts, claims, undo, consent flags."""
