"""A fresh subject for each test."""

from __future__ import annotations

import pytest

from tests.workflow.workflow_world import World, enrolled


@pytest.fixture
def world() -> World:
    """An enrolled subject, not ingested yet."""
    return enrolled()
