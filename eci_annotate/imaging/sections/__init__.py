"""Planes in any position through a volume."""
