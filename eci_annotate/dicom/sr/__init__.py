"""Structured reports out."""
