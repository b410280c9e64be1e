"""RTSTRUCT in and out."""
