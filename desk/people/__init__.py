"""Stations and the people who work for them: roles, sign-in, sessions."""
