"""The environment of the tools: the easel, its history, the stroke journal and snapshots."""
