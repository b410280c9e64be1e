"""Readings and versions side by side, on linked stages."""
