"""The command `eci-proxy`."""
