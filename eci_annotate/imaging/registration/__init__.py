"""Registrations between frames of reference, and annotations mapped to other stacks."""
