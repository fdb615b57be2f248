"""Protection: messages that may be a threat or an insult go to the lead instead of the wall, with a checklist."""
