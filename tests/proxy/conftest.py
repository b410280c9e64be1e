"""A service for the proxies of the tests."""

from tests.service.conftest import folder, made, service

__all__ = ["folder", "made", "service"]
