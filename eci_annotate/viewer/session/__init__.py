"""A session at work: saving, resuming, the order of messages, and the kernel's connection."""
