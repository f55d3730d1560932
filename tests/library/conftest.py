"""Fixtures that every shelf's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    """A folder for staged files, on another path than any volume."""
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder
