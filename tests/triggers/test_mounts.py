"""What is mounted is read as the system writes it, and every change is told once, without a wake-up in between."""

from __future__ import annotations

import asyncio
import getpass
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from musicsyncd.clock import Clock, ManualClock, SystemClock
from musicsyncd.triggers import mounts
from musicsyncd.triggers.mounts import Mount, changes, folder_changes, folders, parse, polled_changes
from tests.library.benches import mounted, small_tmpfs

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 8:17 / /media/dj/VIBES\\0401 ro,nosuid shared:2 master:3 - exfat /dev/sdb1 ro,errors=remount-ro
41 22 8:33 /music /mnt/old rw - vfat /dev/sdc1 rw
42 22 8:49 / /mnt/old rw - vfat /dev/sdd1 rw
43 22 0:50 / /net rw - autofs systemd-1 rw
a line that no kernel writes yet
"""


class TestReading:
    """The table of mounts, and the folders that stand for it elsewhere."""

    def test_disks_are_found_and_nothing_else(self) -> None:
        """A blank in a name, an optional field, a mount over another; what is no disk is passed over."""
        assert parse(TABLE) == (
            Mount(path=Path("/"), identity="22 8:1"),
            Mount(path=Path("/media/dj/VIBES 1"), identity="40 8:17", read_only=True),
            Mount(path=Path("/mnt/old"), identity="42 8:49"),
        )

    def test_this_machines_own_table_is_read(self) -> None:
        """At least the root is mounted."""
        assert Path("/") in {one.path for one in parse(mounts.MOUNTINFO.read_text())}

    def test_folders_for_mounts_are_listed_and_links_are_not_followed(self, tmp_path: Path) -> None:
        """As /Volumes has a link to the disk that the system started from; a missing folder holds none."""
        (tmp_path / "VIBES").mkdir()
        (tmp_path / "Macintosh HD").symlink_to("/")
        (tmp_path / "a file").write_text("")
        assert [one.path for one in folders((tmp_path, tmp_path / "missing"))] == [tmp_path / "VIBES"]


async def _told(
    told: AsyncIterator[tuple[Mount, ...]], cause: Callable[[], object], tells: Callable[[tuple[Mount, ...]], bool]
) -> tuple[Mount, ...]:
    """The next word for which `tells` holds, after `cause`."""
    cause()
    with anyio.fail_after(30):
        async for found in told:
            if tells(found):
                return found
    raise AssertionError("it told nothing")


@pytest.mark.root
class TestTable:
    """Linux's table, with real mounts."""

    async def test_each_change_is_told(self, tmp_path: Path) -> None:
        """A mount, a remount for reading only, and an unmount, also a lazy one under an open file."""
        point = tmp_path / "VIBES 1"
        point.mkdir()

        def shown(found: tuple[Mount, ...]) -> list[bool]:
            return [one.read_only for one in found if one.path == point]

        def run(*command: str) -> Callable[[], object]:
            return lambda: subprocess.run([*command, str(point)], check=True)

        async with aclosing(changes(SystemClock())) as told:
            await anext(told)
            await _told(told, run("mount", "-t", "tmpfs", "tmpfs"), lambda found: shown(found) == [False])
            await _told(told, run("mount", "-o", "remount,ro"), lambda found: shown(found) == [True])
            await _told(told, run("mount", "-o", "remount,rw"), lambda found: shown(found) == [False])
            with (point / "open").open("w"):
                await _told(told, run("umount", "-l"), lambda found: shown(found) == [])

    async def test_another_disk_at_the_same_path_is_another(self, tmp_path: Path) -> None:
        """Its identity differs, so that nobody waits for the one that was there before."""
        point = tmp_path / "VIBES"
        with small_tmpfs(point):
            (first,) = (one for one in parse(mounts.MOUNTINFO.read_text()) if one.path == point)
            with mounted(point, "-t", "tmpfs", "tmpfs"):
                (second,) = (one for one in parse(mounts.MOUNTINFO.read_text()) if one.path == point)
        assert first.identity != second.identity

    async def test_a_disk_that_was_away_for_a_moment_is_another_mount(self, tmp_path: Path) -> None:
        """Pulled out and put back within the time that is waited, under the same number: it is told all the same."""
        disk, point = tmp_path / "disk", tmp_path / "VIBES"
        disk.mkdir()

        def replug() -> None:
            subprocess.run(["umount", str(point)], check=True)
            subprocess.run(["mount", "--bind", str(disk), str(point)], check=True)

        with mounted(point, "--bind", str(disk)):
            async with aclosing(changes(SystemClock())) as told:
                (before,) = (one for one in await anext(told) if one.path == point)
                await _told(told, replug, lambda found: bool({one for one in found if one.path == point} - {before}))

    async def test_nothing_wakes_while_nothing_changes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The watched descriptor is not ready all the time: the loop's reader is called once for a change."""
        calls: list[None] = []
        loop = asyncio.get_running_loop()
        add_reader = loop.add_reader

        def counted(descriptor: int, callback: Callable[[], None]) -> None:
            def called() -> None:
                calls.append(None)
                callback()

            add_reader(descriptor, called)

        monkeypatch.setattr(loop, "add_reader", counted)
        async with aclosing(changes(SystemClock())) as told:
            await anext(told)
            await anyio.sleep(0.2)
            others = len(calls)  # of tests beside this one that mount
            with small_tmpfs(tmp_path / "one"):
                await _told(told, lambda: None, lambda found: any(one.path == tmp_path / "one" for one in found))
            assert others < 100
            assert 0 < len(calls) < 100

    async def test_changes_in_a_row_are_one(self, tmp_path: Path) -> None:
        """What happens while it settles is told together."""
        clock = ManualClock()
        async with aclosing(changes(clock)) as told:
            await anext(told)
            async with anyio.create_task_group() as tasks:
                with small_tmpfs(tmp_path / "one"), small_tmpfs(tmp_path / "two"):

                    async def pass_time() -> None:
                        while True:
                            await anyio.sleep(0.01)
                            await clock.advance(mounts.SETTLE)

                    tasks.start_soon(pass_time, name="time passes")
                    found = await anext(told)
                    tasks.cancel_scope.cancel()
        assert {tmp_path / "one", tmp_path / "two"} <= {one.path for one in found}


class TestFolders:
    """macOS: the folders in /Volumes."""

    async def test_each_system_is_listened_to_in_its_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """macOS by /Volumes, others by every folder for mounts, a user's own too."""
        asked: list[tuple[Path, ...]] = []

        async def noted(clock: Clock, roots: tuple[Path, ...]) -> AsyncGenerator[tuple[Mount, ...], None]:
            asked.append(roots)
            yield ()

        monkeypatch.setattr(mounts, "folder_changes", noted)
        monkeypatch.setattr(mounts, "polled_changes", noted)
        monkeypatch.setattr(getpass, "getuser", lambda: "dj")
        for platform in ("darwin", "freebsd14"):
            monkeypatch.setattr(sys, "platform", platform)
            assert [found async for found in changes(ManualClock())] == [()]
        assert asked[0] == (Path("/Volumes"),)
        assert {Path("/media"), Path("/media/dj"), Path("/run/media/dj")} <= set(asked[1])

    async def test_a_folder_that_comes_or_goes_is_told(self, tmp_path: Path) -> None:
        """What happens inside the disks is no change of theirs."""
        (tmp_path / "VIBES").mkdir()
        async with aclosing(folder_changes(SystemClock(), (tmp_path,))) as told:
            assert [one.path.name for one in await anext(told)] == ["VIBES"]

            def cause() -> None:
                async def later() -> None:
                    await anyio.sleep(0.5)  # watching begins with the next question
                    (tmp_path / "VIBES" / "Music").mkdir()
                    (tmp_path / "VIBES 1").mkdir()

                tasks.start_soon(later, name="a disk comes")

            async with anyio.create_task_group() as tasks:
                found = await _told(told, cause, lambda found: len(found) == 2)
            assert [one.path.name for one in found] == ["VIBES", "VIBES 1"]

    async def test_without_a_watch_it_is_listed_now_and_then(self, tmp_path: Path) -> None:
        """The folder is missing when it begins: it is looked for all the same."""
        clock, root = ManualClock(), tmp_path / "Volumes"
        async with aclosing(folder_changes(clock, (root,))) as told, anyio.create_task_group() as tasks:
            assert await anext(told) == ()

            async def later() -> None:
                await anyio.wait_all_tasks_blocked()
                (root / "VIBES").mkdir(parents=True)
                await clock.advance(mounts.POLL)

            tasks.start_soon(later, name="a disk comes")
            with anyio.fail_after(10):
                assert [one.path.name for one in await anext(told)] == ["VIBES"]

    async def test_a_list_that_stays_is_told_once(self, tmp_path: Path) -> None:
        """Only a change is worth a word."""
        clock, heard = ManualClock(), list[int]()
        async with anyio.create_task_group() as tasks:

            async def hear() -> None:
                async with aclosing(polled_changes(clock, (tmp_path,))) as told:
                    async for found in told:
                        heard.append(len(found))

            tasks.start_soon(hear, name="hears")
            await anyio.wait_all_tasks_blocked()
            await clock.advance(mounts.POLL * 3)
            (tmp_path / "VIBES").mkdir()
            await clock.advance(mounts.POLL)
            tasks.cancel_scope.cancel()
        assert heard == [0, 1]
