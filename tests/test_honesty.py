"""A lossless file that was made from a lossy one is told everywhere a person looks, through the real daemon."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import taglib

from musicsyncd.analysis.waveform import decode
from tests.audio import sounds
from tests.fakes.running import Running, running


def disguised(folder: Path) -> Path:
    """A FLAC out of an MP3 of 128 kbit/s."""
    mp3, flac = sounds.LOSSY["mp3"], sounds.LOSSLESS["flac16"]
    beat = np.exp(-(np.arange(5 * 44_100) / 22_050 % 1) * 5)
    noise = 0.1 * np.random.default_rng(9).standard_normal((len(beat), 2)) * beat[:, None]
    lossy = sounds.write(folder / "lossy.mp3", mp3, sounds.as_integers(noise, "int16"))
    (folder / "music").mkdir()
    samples = sounds.as_integers(sounds.decoded(lossy), "int16")
    return sounds.write(folder / "music" / "Mara - Disguise.flac", flac, samples)


def row(daemon: Running) -> dict[str, Any]:
    """The fields of the one row in the catalog."""
    connection = sqlite3.connect(daemon.state / "musicsyncd.db")
    try:
        ((fields,),) = connection.execute("SELECT fields FROM catalog_row").fetchall()
    finally:
        connection.close()
    found: dict[str, Any] = json.loads(fields)
    return found


def test_a_lossy_origin_is_told_everywhere(tmp_path: Path) -> None:
    """Row, tags and `tracks show` name the cut-off and the reason; the waveform is kept under the track's id."""
    with running(tmp_path) as daemon:
        code, report = daemon.sync(disguised(tmp_path))
        assert code == 0, report
        details = report["tracks"][0]["details"]
        fields = row(daemon)
        assert (fields["lossless"], fields["lossless_honest"]) == (True, False)
        assert 15_500 < fields["cutoff_hz"] < 17_500
        doubt = f"but nothing above {fields['cutoff_hz'] / 1000:.1f} kHz: probably made from a lossy file"
        shown = daemon.ctl("tracks", "show", details["id"]).stdout
        assert f", lossless — {doubt}" in " ".join(shown.split())
        for one in details["files"]:
            with taglib.File(one["path"]) as tagged:
                assert tagged.tags["SOURCE_AUDIO"] == [f"flac, lossless, 16 bit, 44.1 kHz - {doubt}"]
        kept = daemon.state / "waveforms"
        assert sorted(path.name for path in kept.iterdir()) == [f"{details['id']}.peaks", f"{details['id']}.png"]
        assert decode((kept / f"{details['id']}.peaks").read_bytes()).seconds > 4.9
        assert not list((daemon.state / "staging").iterdir())
