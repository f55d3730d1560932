"""A finished file is re-tagged field by field: what is owed is written or taken away, and everything else stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from musicsyncd.audio import tagging
from musicsyncd.audio.containers import CONTAINERS
from musicsyncd.audio.keeping import Owed
from musicsyncd.audio.tags import from_texts
from musicsyncd.audio.values import FORMATS, Made, Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import Permanent
from tests.audio.test_tags import COVER, FULL, by_taglib, read_back


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_owed_is_written_and_taken_away(format_: str, made: dict[str, Made]) -> None:
    """An amendment changes what it names, in every place that the field is read from, and nothing else."""
    tagged = tagging.tag(made[format_], FULL, COVER)
    again = tagging.amend(tagged, {"bpm": ("99.5",)}, forget=("key", "comment", "track_number", "source_ids"))
    path = Path(again.path)
    expected = replace(FULL, bpm=99.5, key="", comment="", track_number=None, source_ids=())
    assert read_back(path, format_) == expected
    assert CONTAINERS[format_].read(path)[1] == COVER.data
    assert (again.pcm_md5, again.sha256 != tagged.sha256, again.size) == (tagged.pcm_md5, True, path.stat().st_size)
    found = by_taglib(path)
    assert not {"COMMENT", "INITIALKEY", "TRACKNUMBER", "SOURCE_ID"} & {*found}


async def test_texts_are_read_as_they_stand(made: dict[str, Made], workers: AudioWorkers, tmp_path: Path) -> None:
    """Of many files in one go; one whose tags cannot be read is None and costs no other."""
    (tmp_path / "broken.flac").write_bytes(b"no flac")
    files = [(Path(tagging.tag(one, FULL, None).path), one.format) for one in made.values()]
    texts = await workers.texts([*files, (tmp_path / "broken.flac", "flac"), (tmp_path / "gone.mp3", "mp3")])
    assert [from_texts(one) if one else None for one in texts] == [FULL] * len(FORMATS) + [None, None]
    assert await workers.texts([]) == []


async def test_an_amendment_by_a_worker(made: dict[str, Made], workers: AudioWorkers) -> None:
    """The same through the pipe; other samples are refused and the file left as it was."""
    amended = await workers.amend(made["aiff"], Owed(texts={"title": ("New",)}))
    assert read_back(Path(amended.path), "aiff") == Tags(title="New")
    before = Path(amended.path).read_bytes()
    with pytest.raises(Permanent, match="does not hold the samples"):
        await workers.amend(replace(amended, pcm_md5="0" * 32), Owed(texts={"title": ("Newer",)}))
    assert Path(amended.path).read_bytes() == before
