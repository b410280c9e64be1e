"""What leaves a repository by itself: signed versions to other archives, in order, each once."""
