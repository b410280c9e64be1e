"""De-identify in several processes."""
