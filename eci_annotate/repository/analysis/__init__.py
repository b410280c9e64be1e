"""Differences between versions, and agreement between readers."""
