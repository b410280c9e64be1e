"""What the service does between requests: checkpoints, notices, garbage collection, warm-up."""
