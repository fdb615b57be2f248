"""Providers: how a delivery is read and a message is sent, one folder per channel."""
