"""Planes that are computed: series laid in colour over others."""
