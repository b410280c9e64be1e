"""Derived tasks: the service copies what was drawn on one series onto another, and signs it with its own key."""
