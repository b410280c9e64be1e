"""PostgreSQL, the store of a hub: many service processes on one database, found in its schema `eci_annotate`."""
