"""Uncompressed files in little endian, which need no decoder: their headers and the room for their pixels."""
