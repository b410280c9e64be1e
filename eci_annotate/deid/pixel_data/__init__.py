"""Pixels of objects: decoded as a viewer would show them, and blanked."""
