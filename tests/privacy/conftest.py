"""A number of Radio Rheinwelle at a small provider; what is erased came through it."""

from tests.intake.fixtures import graph, make_app, provider, provider_on_both

__all__ = ["graph", "make_app", "provider", "provider_on_both"]
