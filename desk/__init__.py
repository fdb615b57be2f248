"""Hörerpult: the listener-participation desk of a radio station."""

__version__ = "0.1.0"
