"""PostgreSQL, the store of a hub: many service processes on one database, in its schema `eci_annotate`."""
