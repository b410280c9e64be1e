"""Synthetic studies of use cases, from ``phantom.yaml``: for previews, tests and the pictures of manuals."""
