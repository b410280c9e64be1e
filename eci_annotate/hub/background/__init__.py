"""Background work of the service: checkpoints, notices, garbage collection, warm-up."""
