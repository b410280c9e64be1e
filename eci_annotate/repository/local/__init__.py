"""The application at the stores themselves."""
