"""The embedded stores: files in a folder, replaced atomically."""
