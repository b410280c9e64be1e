"""Servers that a hub starts for its users: each runs as a separate system user, with the hub's identity.

Nothing here knows images or tasks; the service decides from a server's token what it may see.
"""
