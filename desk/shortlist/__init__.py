"""The rundown of an edition: which cards, in which order, with which words."""
