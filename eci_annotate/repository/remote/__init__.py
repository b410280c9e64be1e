"""The application over HTTP: the same results and the same errors."""
