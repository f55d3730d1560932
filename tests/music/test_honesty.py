"""Doubt is spoken only with a reason."""

from __future__ import annotations

import pytest

from musicsyncd.music.honesty import doubt


@pytest.mark.parametrize(
    ("cutoff", "honest", "words"),
    [
        (16_049.0, False, "nothing above 16.0 kHz: probably made from a lossy file"),
        (16_049.0, None, ""),
        (None, False, ""),
        (None, True, ""),
        (21_500.0, True, ""),
    ],
)
def test_doubt_needs_a_reason(cutoff: float | None, honest: bool | None, words: str) -> None:
    """A lossless codec is doubted only when its sound ends as a lossy one does; a lossy codec hides nothing."""
    assert doubt(cutoff, honest) == words
