"""Rights of listeners: answering what is kept about a person, and erasing it."""
