"""Real folders under real watches: what is told, and when something counts as standing still."""

from __future__ import annotations

import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
from musicsyncd.errors import Temporary
from musicsyncd.triggers.folders import Folders
from musicsyncd.triggers.looking import Looking, Rhythm
from musicsyncd.triggers.places import News, Place, Stamps, audio_files, one_file, plan_files
from musicsyncd.triggers.rows import MIGRATIONS
from tests.control.door import eventually

NEVER = 3600.0


@dataclass
class Heard:
    """What a place was told, as names."""

    news: list[News] = field(default_factory=list)
    trouble: Exception | None = None

    async def __call__(self, news: News) -> None:
        if self.trouble:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.news.append(news)

    @property
    def names(self) -> list[str]:
        return [Path(path).name for news in self.news if not news.first for path in sorted(news.new)]


async def until(look: Callable[[], Any]) -> None:
    """Until that is true; TimeoutError after ten seconds."""

    async def looked() -> Any:
        return look()

    await eventually(looked)


@asynccontextmanager
async def watched(folder: Path, *places: Place, settle: float = 0.1, **options: Any) -> AsyncIterator[Folders]:
    """The folders under watch, once they were looked at."""
    clock = SystemClock()
    database = await Database.open(folder / "m.db", {"triggers": MIGRATIONS}, backups=folder / "backups", clock=clock)
    folders = Folders(database, clock, places, settle=settle, **{"scan": NEVER, **options})
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(folders.run, name="folders")
            await until(lambda: all(place.met or not place.path.exists() for place in places))
            yield folders
            tasks.cancel_scope.cancel()
    finally:
        await database.close()


def inbox(path: Path, heard: Heard) -> Place:
    return Place(name=f"inbox:{path}", path=path, scan=partial(audio_files, path), changed=heard)


def plans(path: Path, heard: Heard) -> Place:
    return Place(name=f"plans:{path}", path=path, scan=partial(plan_files, path), changed=heard)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is asked more often what it tells than in a daemon, which is to sleep."""
    for module in ("folders", "watching"):
        monkeypatch.setattr(f"musicsyncd.triggers.{module}.STEP", 100)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


async def test_a_half_copied_file_counts_when_it_is_whole(tmp_path: Path, box: Path) -> None:
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard), settle=0.4):
        with (box / "a.wav").open("wb") as file:
            for _ in range(20):
                file.write(b"x" * 100)
                file.flush()
                await anyio.sleep(0.1)
                assert heard.names == []
        await until(lambda: heard.names)
        assert heard.names == ["a.wav"]
        (stamp,) = heard.news[-1].new.values()
        assert stamp.size == 2000


async def test_what_stands_still_does_not_wait_for_what_grows(tmp_path: Path, box: Path) -> None:
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard), settle=0.3), anyio.create_task_group() as tasks:

        async def grow() -> None:
            with (box / "growing.wav").open("wb") as file:
                while True:
                    file.write(b"x")
                    file.flush()
                    await anyio.sleep(0.05)

        tasks.start_soon(grow)
        (box / "b.flac").write_bytes(b"whole")
        await until(lambda: heard.names)
        assert heard.names == ["b.flac"]
        tasks.cancel_scope.cancel()


async def test_other_files_are_nothing(tmp_path: Path, box: Path) -> None:
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard)):
        for name in ("cover.jpg", ".a.wav", "a.wav.part", "empty.wav"):
            (box / name).write_bytes(b"" if name == "empty.wav" else b"x")
        (box / "deep" / "er").mkdir(parents=True)
        (box / "deep" / "er" / "c.mp3").write_bytes(b"x")
        await until(lambda: heard.names)
        assert heard.names == ["c.mp3"]


async def test_files_that_came_while_nobody_watched_are_told_once(tmp_path: Path, box: Path) -> None:
    (box / "early.wav").write_bytes(b"x")
    first, second, third = Heard(), Heard(), Heard()
    async with watched(tmp_path, inbox(box, first)):
        assert [list(map(Path, news.new)) for news in first.news] == [[box / "early.wav"]]
    (box / "late.wav").write_bytes(b"x")
    async with watched(tmp_path, inbox(box, second)):
        await until(lambda: second.names)
        assert second.names == ["late.wav"]
    async with watched(tmp_path, inbox(box, third)):
        (box / "last.wav").write_bytes(b"x")
        await until(lambda: third.names)
        assert third.names == ["last.wav"]


async def test_a_folder_that_goes_and_comes_back_is_watched_again(tmp_path: Path, box: Path) -> None:
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard)) as folders:
        shutil.rmtree(box)
        await until(lambda: box not in folders._watches[True])
        box.mkdir()
        await until(lambda: box in folders._watches[True])
        (box / "again.wav").write_bytes(b"x")
        await until(lambda: heard.names)
        assert heard.names == ["again.wav"]


async def test_a_folder_that_is_made_later_is_watched(tmp_path: Path) -> None:
    heard, later = Heard(), tmp_path / "later"
    async with watched(tmp_path, inbox(later, heard)):
        await anyio.sleep(0.3)
        later.mkdir()
        (later / "one.wav").write_bytes(b"x")
        await until(lambda: heard.news)
        (later / "two.wav").write_bytes(b"x")
        await until(lambda: "two.wav" in heard.names)


@pytest.mark.parametrize("options", [{"polling": "always"}, {"remote": lambda path: "nfs"}])
async def test_where_nobody_tells_of_changes_one_looks(
    tmp_path: Path, box: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("musicsyncd.triggers.looking.POLL", 0.05)

    async def deaf(*args: Any, **kwargs: Any) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr("musicsyncd.triggers.folders.listen", deaf)
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard), **options):
        (box / "quiet.wav").write_bytes(b"x")
        await until(lambda: heard.names)


async def test_a_place_that_hangs_keeps_neither_another_nor_the_end_waiting(
    tmp_path: Path, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once and told of, and its thread is left behind at the end."""
    monkeypatch.setattr("musicsyncd.triggers.folders.DEAF", 0.2)
    answers, asked, heard = threading.Event(), list[str](), Heard()

    def hang() -> Stamps | None:
        asked.append("a question")
        answers.wait(60)
        return {}

    hung = Place(name=f"inbox:{box}", path=box, scan=hang, changed=Heard())
    folder = tmp_path / "plans"
    folder.mkdir()
    clock = SystemClock()
    database = await Database.open(tmp_path / "m.db", {"triggers": MIGRATIONS}, backups=tmp_path, clock=clock)
    folders = Folders(database, clock, [hung, plans(folder, heard)], settle=0.1, scan=0.2)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(folders.run)
            await until(lambda: heard.news)
            (folder / "one.md").write_text("- [ ] a")
            await until(lambda: heard.names)
            await until(folders.findings)
            (told,) = folders.findings()
            assert (told.what, asked) == (f"The inbox {box} does not answer", ["a question"])
            tasks.cancel_scope.cancel()
        assert not answers.is_set()
    finally:
        answers.set()
        await database.close()


async def test_for_one_file_that_grows_a_folder_is_not_read_again_and_again(tmp_path: Path, box: Path) -> None:
    """What does not stand still is looked at by itself, though the system tells of it all the time."""
    heard, scans, clock, file = Heard(), 0, SystemClock(), box / "a.wav"

    def scan() -> Stamps | None:
        nonlocal scans
        scans += 1
        return audio_files(box)

    place = Place(name=f"inbox:{box}", path=box, scan=scan, changed=heard)
    rhythm = Rhythm(settle=0.1, scan=NEVER, remote=lambda path: None)
    database = await Database.open(tmp_path / "m.db", {"triggers": MIGRATIONS}, backups=tmp_path, clock=clock)
    try:
        looking = Looking(database, clock, place, rhythm, lambda: None)
        await looking._look()
        for size in range(1, 4):
            file.write_bytes(b"x" * size)
            looking.hear({file})
            assert looking._word.is_set() == (size == 1), "what is looked at again anyway is no news"
            looking._word = anyio.Event()
            await (looking._look() if size == 1 else looking._look_again())
            assert heard.names == []
        await looking._look_again()
        assert (heard.names, scans, looking._restless) == (["a.wav"], 2, {})
        looking.hear({file})
        assert looking._word.is_set()
    finally:
        await database.close()


async def test_what_is_held_is_told_when_it_may_be(tmp_path: Path, box: Path) -> None:
    """Also after a restart in between."""
    held, heard = True, Heard()
    place = replace(inbox(box, heard), held=lambda: held)
    (box / "early.wav").write_bytes(b"x")
    clock = SystemClock()
    database = await Database.open(tmp_path / "m.db", {"triggers": MIGRATIONS}, backups=tmp_path, clock=clock)
    try:
        for _ in range(2):
            place = replace(place, before={}, seen={})
            folders = Folders(database, clock, [place], settle=0.1, scan=NEVER)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(folders.run)
                await until(lambda: place.before)  # noqa: B023
                assert (heard.news, place.seen) == ([], {})
                tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(folders.run)
            await until(lambda: place.before)
            held = False
            folders.look()
            await until(lambda: heard.news)
            tasks.cancel_scope.cancel()
    finally:
        await database.close()


async def test_a_watch_that_dies_is_begun_again(tmp_path: Path, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from musicsyncd.triggers.watching import listen

    monkeypatch.setattr("musicsyncd.triggers.folders.AFTER_DEATH", 0.05)
    deaths = 0

    async def frail(*args: Any, **kwargs: Any) -> None:
        nonlocal deaths
        deaths += 1
        if deaths < 3:
            raise OSError("the limit of inotify watches is reached")
        await listen(*args, **kwargs)

    monkeypatch.setattr("musicsyncd.triggers.folders.listen", frail)
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard)):
        await until(lambda: deaths >= 3)
        (box / "a.wav").write_bytes(b"x")
        await until(lambda: heard.names)


async def test_plans_are_remembered_as_changed(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "one.md").write_text("- [ ] a")
    (folder / "two.txt").write_text("b")
    heard = Heard()
    async with watched(tmp_path, plans(folder, heard)) as folders:
        assert [news.first for news in heard.news] == [True]
        assert await folders.changed_files("plans:") == []
        (folder / "old" / "one.md").write_text("- [x] a, done")
        (folder / "notes.html").write_text("c")
        await eventually(partial(folders.changed_files, "plans:"))
        assert heard.names == ["one.md"]
        assert await folders.changed_files("plans:") == ["old/one.md"]
    async with watched(tmp_path, plans(folder, Heard())) as folders:
        assert await folders.changed_files("plans:") == ["old/one.md"]
        (folder / "old" / "one.md").unlink()

        async def forgotten() -> bool:
            return not await folders.changed_files("plans:")

        await eventually(forgotten)


@pytest.mark.parametrize("replace", [True, False], ids=["replaced", "written"])
async def test_one_file_is_watched_however_it_is_written(tmp_path: Path, replace: bool) -> None:
    file, heard = tmp_path / "conf" / "config.toml", Heard()
    file.parent.mkdir()
    file.write_text("a = 1")
    place = Place(name="config", path=file, scan=partial(one_file, file), changed=heard, single=True, kept=False)
    async with watched(tmp_path, place):
        for number in range(2):
            await anyio.sleep(0.3)
            target = file.with_suffix(".new") if replace else file
            target.write_text(f"a = {'1' * (number + 3)}")
            if replace:
                target.replace(file)
            await until(lambda number=number: len(heard.names) == number + 1)  # type: ignore[misc]


async def test_what_could_not_be_seen_to_comes_again(tmp_path: Path, box: Path) -> None:
    heard = Heard()
    async with watched(tmp_path, inbox(box, heard), scan=0.2):
        heard.trouble = Temporary("The disk is full")
        (box / "a.wav").write_bytes(b"x")
        await until(lambda: heard.names)
        assert heard.trouble is None
