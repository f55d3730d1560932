"""A home to type commands in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from musicsyncd.settings.gathered import ALIASES


@pytest.fixture
def nobody_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home without settings and without a daemon, whose path leaves room for a socket's."""
    ours = [name for name in os.environ if name.startswith(("MUSICSYNCD_", "XDG_"))]
    for name in (*ours, *ALIASES):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="ms-") as home:
        monkeypatch.setenv("HOME", home)
        yield
