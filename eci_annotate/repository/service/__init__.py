"""The interface `Service`, for a process that holds keys and acts for many people, and the form of it at the stores."""
