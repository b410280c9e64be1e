"""Where images live and go: studies of a subject, their series and instances, and `store`."""
