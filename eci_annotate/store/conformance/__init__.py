"""Requirements of every store, as checks that run on any implementation."""
