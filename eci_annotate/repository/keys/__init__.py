"""Where a repository is stored, and the keys that sign and encrypt in it."""
