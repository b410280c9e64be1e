"""Readings and versions beside each other, on linked stages."""
