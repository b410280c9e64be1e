"""A use case as data: pipeline, report form, hanging protocol, gate."""
