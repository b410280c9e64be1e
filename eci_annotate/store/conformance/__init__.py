"""What every store must do, as checks that run on any implementation."""
