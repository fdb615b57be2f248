"""Meta's WhatsApp Cloud API: the adapter in channel.py, HTTP in client.py, the front door in signature.py."""
