"""Making, filling, copying and backing up a repository."""
