"""What counts as the same music when an item of Eagle's owner may stand for our file."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.daemon.eagle import same_music
from musicsyncd.errors import BadInput
from tests.fakes.running import write_wave


async def test_only_what_was_decoded_and_lasts_as_long_is_the_same(tmp_path: Path) -> None:
    """A preview is not; three bytes with the right name say what they are."""
    ours, preview = write_wave(tmp_path / "ours.wav", seconds=5.0), write_wave(tmp_path / "preview.wav", seconds=1.0)
    agree = same_music(AudioWorkers(nice=0))
    assert await agree(ours, ours)
    assert not await agree(preview, ours)
    (tmp_path / "stub.wav").write_bytes(b"30s")
    with pytest.raises(BadInput):
        await agree(tmp_path / "stub.wav", ours)
