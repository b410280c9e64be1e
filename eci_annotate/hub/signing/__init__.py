"""Signing requires the person, not the kernel: requests, factors that no kernel has, and pictures of the content."""
