"""A working session: saving, resuming, the order of messages, and the kernel's connection."""
