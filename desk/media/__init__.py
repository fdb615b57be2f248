"""Listeners' files: originals, renditions, and what is known about them."""
