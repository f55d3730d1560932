"""What an incoming file's tags claim of tempo and key, and whether DJ software wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3, mp4

from musicsyncd.audio import tagging
from musicsyncd.audio.marks import claims
from musicsyncd.audio.tags import FREE
from musicsyncd.audio.values import FORMATS, Claims, Made, Tags
from musicsyncd.audio.work import AudioWorkers

SERATO = "----:com.serato.dj:markersv2"
SAID = Tags(title="T", bpm=127.37, key="F#m")


@pytest.fixture
def file(made: dict[str, Made]) -> Callable[[str], Made]:
    """A tagged file of that format."""
    return lambda format_: tagging.tag(made[format_], SAID, None)


@pytest.mark.parametrize("format_", FORMATS)
def test_tempo_and_key_are_claimed_in_every_container(format_: str, file: Callable[[str], Made]) -> None:
    """As they are spelt; plain tags are nobody's software."""
    assert claims(Path(file(format_).path), {}) == Claims(bpm="127.37", key="F#m")


MARKS = {
    "serato": ("aiff", lambda tags: tags.add(id3.GEOB(desc="Serato Markers2", mime="a/b", data=b"x")), "Serato"),
    "serato mp4": (
        "alac",
        lambda tags: tags.update({SERATO: [mp4.MP4FreeForm(b"x")]}),
        "Serato",
    ),
    "serato flac": ("flac", lambda tags: tags.update({"SERATO_BEATGRID": ["x"]}), "Serato"),
    "traktor": ("mp3", lambda tags: tags.add(id3.PRIV(owner="TRAKTOR4", data=b"x")), "Traktor"),
    "traktor flac": ("flac", lambda tags: tags.update({"TRAKTOR4": ["x"]}), "Traktor"),
    "energy": ("wav", lambda tags: tags.add(id3.TXXX(desc="EnergyLevel", text=["7"])), "Mixed In Key"),
    "energy mp4": ("aac", lambda tags: tags.update({FREE + "ENERGYLEVEL": [mp4.MP4FreeForm(b"7")]}), "Mixed In Key"),
    "energy comment": ("mp3", lambda tags: tags.add(id3.COMM(lang="eng", text=["8A - Energy 7"])), "Mixed In Key"),
    "another comment": ("mp3", lambda tags: tags.add(id3.COMM(lang="eng", text=["8A - for later"])), ""),
    "another frame": ("mp3", lambda tags: tags.add(id3.PRIV(owner="WM/Mood", data=b"x")), ""),
}


@pytest.mark.parametrize("mark", MARKS)
def test_marks_tell_the_software(mark: str, file: Callable[[str], Made]) -> None:
    format_, leave, software = MARKS[mark]
    made = file(format_)
    opened: Any = mutagen.File(made.path)
    leave(opened.tags)  # type: ignore[no-untyped-call]
    opened.save()
    assert claims(Path(made.path), {}).software == software


def test_other_containers_claim_through_ffmpeg(tmp_path: Path) -> None:
    """What has no table of ours, and what cannot be read at all."""
    (tmp_path / "a.webm").write_bytes(b"no audio")
    assert claims(tmp_path / "a.webm", {"BPM": "128", "INITIALKEY": "8A"}) == Claims(bpm="128", key="8A")
    assert claims(tmp_path / "gone.mp3", {}) == Claims()


async def test_the_whole_tempo_of_an_mp4_is_a_claim(file: Callable[[str], Made], workers: AudioWorkers) -> None:
    """iTunes writes nothing else; a transcode brings the claims along."""
    made = file("aac")
    apple = mp4.MP4(made.path)
    del apple[FREE + "BPM"]
    apple["tmpo"] = [128]
    apple.save()
    folder = Path(made.path).parent / "out"
    folder.mkdir()
    done = await workers.transcode(Path(made.path), folder, ["wav"], analyze=False)
    assert done.claims == Claims(bpm="128", key="F#m")
