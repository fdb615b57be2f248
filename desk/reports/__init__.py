"""Figures of a day: what came, what was made of it, how long listeners and files waited. No ranking of people."""
