"""Signing needs the person, not the kernel: requests, factors that no kernel has, and the page that shows it all."""
