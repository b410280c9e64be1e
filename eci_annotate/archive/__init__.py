"""Storage of images: studies of a subject, their series and instances."""
