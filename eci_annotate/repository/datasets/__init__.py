"""Training sets of signed versions: planned and split by subject, loaded lazily, written in the layouts of trainers."""
