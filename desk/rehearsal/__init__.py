"""The rehearsal number: the messenger provider as a server of its own.

Speaks the provider's protocol over HTTP (signed webhooks out, Graph calls in), shows a
listener's phone in the browser and plays a cast of invented listeners. It knows the desk
only by its webhook addresses; nothing here imports from the rest of the package, and only
the command line imports from here: `config` and `server.serve` to run it, `client` to drive it.
"""
