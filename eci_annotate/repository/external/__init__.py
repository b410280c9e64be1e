"""Annotations that were made elsewhere: by a model, or by another program."""
