"""Servers that a hub gives to its users: each runs as a system user of its own, behind the hub's identity.

Nothing here knows images or tasks; what a server may see is decided by the service, from the token it was started with.
"""
