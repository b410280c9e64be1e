"""The parts used by every request of the service: settings, context, identity, errors, middleware."""
