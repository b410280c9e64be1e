"""What every request of the service goes through: settings, context, identity, errors, middleware."""
