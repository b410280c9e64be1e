"""The hanging protocol of a project beside what its members change in it."""
