"""Cohorts prepared in one command."""
