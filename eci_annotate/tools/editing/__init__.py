"""Where tools work: the easel, its history, the stroke journal and snapshots."""
