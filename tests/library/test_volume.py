"""A volume is known by its marker, and every way in which a disk fails is told apart and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.errors import Degraded, Temporary
from musicsyncd.library import placing
from musicsyncd.library.base import Condition, Staged
from musicsyncd.library.disk import sync_folder, temporary_name
from musicsyncd.library.marker import MARKER
from musicsyncd.library.naming import path_key
from musicsyncd.library.volume import Volume
from tests.fakes.picky_volume import picky_volume
from tests.library.benches import VolumeBench, adopted, mounted, small_tmpfs, volume
from tests.library.contract import FILE, TIED, WANTED, staged

CHUNK = 1024 * 1024


@contextmanager
def slow_staged(folder: Path, data: bytes, midway: Callable[[], None]) -> Iterator[Staged]:
    """A staged file whose second half comes after `midway` was called: a named pipe."""
    path = folder / "slow.wav"
    os.mkfifo(path)

    def feed() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(data[: len(data) // 2])
            time.sleep(0.1)  # the first half is on the volume by now, or soon
            midway()
            with suppress(BrokenPipeError):  # the placing was given up
                pipe.write(data[len(data) // 2 :])

    thread = threading.Thread(target=feed)
    thread.start()
    digest = hashlib.sha256(data).hexdigest()
    yield Staged(path=path, format="wav", extension="wav", size=len(data), sha256=digest)
    thread.join(10)
    assert not thread.is_alive()


async def _eventually(holds: Callable[[], bool]) -> bool:
    for _ in range(500):
        if holds():
            return True
        await anyio.sleep(0.01)
    return False


def _file_threads() -> int:
    return sum(thread.name == "files of VIBES" for thread in threading.enumerate())


def _wait_for(event: threading.Event) -> None:
    assert event.wait(10)


@pytest.fixture
async def bench(tmp_path: Path) -> VolumeBench:
    return await adopted(VolumeBench(tmp_path / "volume"))


class TestAdoption:
    """Which folder becomes a volume, and which never does by itself."""

    async def test_a_new_folder_is_made_and_marked(self, tmp_path: Path) -> None:
        """Once: the next start knows it by the same marker."""
        first = volume(tmp_path / "Music")
        state = await first.adopt()
        assert state.ready
        assert first.known_marker == state.marker != ""
        assert json.loads((tmp_path / "Music" / MARKER).read_text())["name"] == "VIBES"
        again = volume(tmp_path / "Music", known_marker=state.marker)
        assert (await again.adopt()).marker == state.marker
        assert (await volume(tmp_path / "Music").adopt()).marker == state.marker

    async def test_no_chain_of_folders_is_made(self, tmp_path: Path) -> None:
        """A path whose parent is missing is a typing error or a disk that is away."""
        assert (await volume(tmp_path / "nothing" / "Music").adopt()).condition is Condition.ABSENT
        assert not (tmp_path / "nothing").exists()

    @pytest.mark.parametrize("exists", [True, False])
    async def test_an_empty_mount_point_is_refused_without_consent(self, tmp_path: Path, exists: bool) -> None:
        """Neither folder nor marker appears where a disk belongs; the answer says which command would do it."""
        path = tmp_path / "media" / "VIBES"
        (path if exists else path.parent).mkdir(parents=True)
        shelf = volume(path)
        shelf._mount_roots = (tmp_path / "media",)
        state = await shelf.adopt()
        assert state.condition is Condition.ABSENT
        assert f"musicsyncctl volumes add {path} VIBES" in state.fix
        assert path.exists() is exists
        assert not (path / MARKER).exists()
        assert (await shelf.adopt(consent=True)).ready is exists

    @pytest.mark.root
    async def test_a_mounted_disk_is_adopted_below_the_folder_for_mounts(self, tmp_path: Path) -> None:
        """On a mount of its own the folder is the disk's: also one to be made there."""
        (tmp_path / "media").mkdir()
        with small_tmpfs(tmp_path / "media" / "VIBES") as root:
            shelf = volume(root / "Music")
            shelf._mount_roots = (tmp_path / "media",)
            assert (await shelf.adopt()).ready

    async def test_a_known_volume_without_its_marker_is_absent(self, bench: VolumeBench, staging: Path) -> None:
        """An emptied folder gets no new marker by itself; a person may say that this is the new disk."""
        before = bench.shelf.known_marker
        bench.take_away()
        assert (await bench.shelf.adopt()).condition is Condition.ABSENT
        assert list(bench.root.iterdir()) == []
        assert (await bench.shelf.adopt(consent=True)).ready
        assert bench.shelf.known_marker != before

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ('{"id": "0", "name": "OTHER"}', "is the volume 'OTHER'"),
            ('{"id": "0", "name": "VIBES"}', "is another volume"),
            ("torn", "it is empty or not JSON"),
            ("", "it is empty or not JSON"),
            ("[" * 4096, "it is empty or not JSON"),
            ("[]", "it has no id and name"),
            ("{}", "it has no id and name"),
        ],
    )
    async def test_another_marker_is_foreign(self, bench: VolumeBench, staging: Path, content: str, why: str) -> None:
        """Another disk under this path, or a file of somebody else's: nothing is written, and it stays."""
        (bench.root / MARKER).write_text(content)
        state = await bench.shelf.adopt()
        assert state.condition is Condition.FOREIGN
        assert why in state.why
        assert state.fix
        with pytest.raises(Degraded):
            await bench.shelf.place(staged(staging, b"x"), WANTED, tie_breaker="abc123")
        assert (bench.root / MARKER).read_text() == content
        assert bench.files() == {}


class TestStates:
    """Full, read-only, denied, hanging: each says so, and only reading goes on where it can."""

    async def test_min_free_is_kept(self, bench: VolumeBench, staging: Path) -> None:
        """What stands is found on a full volume; nothing more is put there."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.shelf.min_free = 1 << 60
        assert (await bench.shelf.state()).condition is Condition.FULL
        assert await bench.shelf.look(placed.kept) == placed.kept
        with pytest.raises(Degraded, match="full"):
            await bench.shelf.place(staged(staging, b"more"), "other", tie_breaker="abc123")

    @pytest.mark.root
    async def test_a_disk_that_runs_full_keeps_no_half_file(self, tmp_path: Path, staging: Path) -> None:
        """ENOSPC in the middle of the copy: the error says full, the temporary and the new folder are gone."""
        with small_tmpfs(tmp_path / "volume", "2m") as root:
            bench = await adopted(VolumeBench(root))
            bench.shelf.min_free = -(1 << 40)  # the check beforehand lets it pass
            with pytest.raises(Degraded, match="full"):
                await bench.shelf.place(staged(staging, bytes(3 * CHUNK)), WANTED, tie_breaker="abc123")
            assert [path.name for path in root.iterdir()] == [MARKER]

    @pytest.mark.root
    async def test_a_read_only_disk_is_read(self, tmp_path: Path, staging: Path) -> None:
        """After a remount what stands is still taken as placed; the rest is refused, naming the cause."""
        with small_tmpfs(tmp_path / "volume") as root:
            bench = await adopted(VolumeBench(root))
            file = staged(staging, b"mine")
            placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
            subprocess.run(["mount", "-o", "remount,ro", root], check=True)
            assert (await bench.shelf.state()).condition is Condition.READ_ONLY
            assert await bench.shelf.place(file, WANTED, tie_breaker="abc123") == placed
            with pytest.raises(Degraded, match="read-only"):
                await bench.shelf.place(staged(staging, b"more"), WANTED, tie_breaker="abc123")
            assert await bench.shelf.sweep() == 0

    @pytest.mark.root
    async def test_a_hanging_disk_is_absent_in_time(self, tmp_path: Path) -> None:
        """A disk that answers nothing costs its deadline once, and one thread, however often it is asked."""
        root = tmp_path / "volume"
        root.mkdir()
        with picky_volume(root) as disk:
            shelf = volume(root, probe_deadline=0.3)
            assert (await shelf.adopt()).ready
            disk.send_signal(signal.SIGSTOP)
            states = [await shelf.state() for _ in range(3)]
            assert {state.condition for state in states} == {Condition.ABSENT}
            assert "hangs" in states[0].why
            assert await _eventually(lambda: _file_threads() == 1)
            disk.send_signal(signal.SIGCONT)
            assert await _eventually(lambda: _file_threads() == 0)
            assert (await shelf.state()).ready


@pytest.mark.root
class TestFaultsMidWrite:
    """A disk that fails while it is being written to."""

    @pytest.mark.parametrize(
        ("habits", "says"),
        [
            ({"die_after": CHUNK}, "went away"),
            ({"fail_after": CHUNK}, "went away"),
            ({"hang_after": CHUNK}, "hangs"),
            ({"capacity": 2 * CHUNK}, "full"),
            ({"forget": 1}, "other bytes"),
            ({"read_only_after": CHUNK}, "read-only"),
            ({"longest_name": 40}, "names as long"),
        ],
        ids=lambda value: value if isinstance(value, str) else next(iter(value)),
    )
    async def test_the_target_is_degraded(
        self, tmp_path: Path, staging: Path, habits: dict[str, int], says: str
    ) -> None:
        """Each fault is named, and no half file stands where the disk can still be read."""
        root = tmp_path / "volume"
        root.mkdir()
        with picky_volume(root, **habits):
            bench = await adopted(VolumeBench(root, longest_silence=0.5))
            bench.shelf.min_free = -(1 << 40)
            with pytest.raises(Degraded, match=says) as refusal:
                await bench.shelf.place(staged(staging, os.urandom(3 * CHUNK)), "x" * 50, tie_breaker="abc123")
            assert refusal.value.target == "volume:VIBES"
            if not {"hang_after", "die_after"} & habits.keys():
                assert [path.name for path in root.iterdir()] == [MARKER]

    async def test_an_unmounted_disk_gets_nothing_and_keeps_no_temporary(self, tmp_path: Path, staging: Path) -> None:
        """`umount -l` in the middle: nothing appears in the mount point, and nothing half-written on the disk."""
        (tmp_path / "volume").mkdir()
        with (
            small_tmpfs(tmp_path / "disk", "16m") as disk,
            mounted(tmp_path / "volume", "--bind", str(disk)) as root,
        ):
            bench = await adopted(VolumeBench(root))

            def unmount() -> None:
                subprocess.run(["umount", "-l", root], check=True)

            slow = slow_staged(staging, os.urandom(4 * CHUNK), unmount)
            with slow as file, pytest.raises(Degraded, match="went away"):
                await bench.shelf.place(file, WANTED, tie_breaker="abc123")
            assert list(root.iterdir()) == []
            assert [path.name for path in disk.iterdir()] == [MARKER]


async def test_a_marker_swapped_mid_write_stops_the_rename(bench: VolumeBench, staging: Path) -> None:
    """Another disk under the path is noticed before the file gets its name."""

    def swap() -> None:
        (bench.root / MARKER).write_text('{"id": "0", "name": "VIBES"}')

    with slow_staged(staging, os.urandom(4 * CHUNK), swap) as file, pytest.raises(Degraded, match="went away"):
        await bench.shelf.place(file, WANTED, tie_breaker="abc123")
    assert bench.files() == {}


async def test_a_name_taken_mid_write_is_not_overwritten(bench: VolumeBench, staging: Path) -> None:
    """Another program creates the wanted name during the copy: both files stand."""
    data = os.urandom(4 * CHUNK)
    with slow_staged(staging, data, lambda: bench.plant(FILE, b"another")) as file:
        placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
    assert path_key(placed.kept.path) == path_key(TIED)
    assert bench.files() == {path_key(FILE): b"another", path_key(TIED): data}


async def test_a_cancelled_copy_leaves_nothing(bench: VolumeBench, staging: Path) -> None:
    """When the caller is cancelled the temporary is gone before the cancellation goes on."""
    cancelled = threading.Event()
    with slow_staged(staging, os.urandom(6 * CHUNK), lambda: _wait_for(cancelled)) as file:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: bench.shelf.place(file, WANTED, tie_breaker="abc123"))
            assert await _eventually(lambda: any(name.endswith(".part") for name in bench.files()))
            tasks.cancel_scope.cancel()
            cancelled.set()
    assert tasks.cancel_scope.cancelled_caught
    assert [path.name for path in bench.root.iterdir()] == [MARKER]


async def test_a_link_out_of_the_volume_is_not_followed(bench: VolumeBench, staging: Path, tmp_path: Path) -> None:
    """Nothing is written, replaced or looked at outside the root; a link within is as good as a folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.root / "Björk").symlink_to(outside)
    with pytest.raises(Degraded, match="symbolic link"):
        await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
    assert list(outside.iterdir()) == []
    (bench.root / "Björk").unlink()
    (bench.root / "inside").mkdir()
    (bench.root / "Björk").symlink_to(bench.root / "inside")
    placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
    assert (bench.root / "inside" / Path(placed.kept.path).name).read_bytes() == b"mine"


async def test_a_file_where_a_folder_is_wanted_is_left_alone(bench: VolumeBench, staging: Path) -> None:
    """The folder gets a number; a second run finds it again."""
    bench.plant("björk", b"a file")
    file = staged(staging, b"mine")
    placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
    assert placed.kept.path.startswith("Björk (2)/")
    assert await bench.shelf.place(file, WANTED, tie_breaker="abc123") == placed


async def test_a_folder_of_the_same_name_is_used(bench: VolumeBench, staging: Path) -> None:
    """Two spellings of an artist do not become two folders."""
    bench.plant("BJÖRK/other.wav", b"another")
    placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
    assert placed.kept.path == "BJÖRK/Björk - Jóga.wav"


async def test_a_moved_clock_does_not_hide_a_file(bench: VolumeBench, staging: Path) -> None:
    """Another time with the same bytes (FAT at the change to summer time) is the same file; other bytes are not."""
    placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
    os.utime(bench.root / placed.kept.path, ns=(0, 3600 * 10**9))
    seen = await bench.shelf.look(placed.kept)
    assert seen is not None
    assert (seen.sha256, seen.mtime_ns) == (placed.kept.sha256, 3600 * 10**9)
    bench.plant(placed.kept.path, b"else")
    assert await bench.shelf.look(placed.kept) is None


async def test_sweeping_takes_only_our_own_old_temporaries(bench: VolumeBench) -> None:
    """Those of an earlier process go, from every folder; this process's, a later one's and all other files stay."""
    old, young, current = ".musicsyncd-00000000-1.part", ".musicsyncd-00000000-2.part", temporary_name()
    for name in (f"a/b/{old}", young, current, "song.part", ".musicsyncd-notes", "a/song.wav"):
        bench.plant(name, b"x")
        os.utime(bench.root / name, (0, 0))
    os.utime(bench.root / young)
    assert await bench.shelf.sweep() == 1
    assert sorted(bench.files()) == sorted([young, current, "song.part", ".musicsyncd-notes", "a/song.wav"])


@pytest.mark.root
async def test_a_folder_of_somebody_elses_is_denied() -> None:
    """A user without the permission hears so, instead of that the volume were away."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bench = await adopted(VolumeBench(Path(folder, "volume")))
        for mode, what in ((0o755, "may not write"), (0o700, "denies access")):
            bench.root.chmod(mode)
            os.seteuid(65534)
            try:
                state = await bench.shelf.state()
            finally:
                os.seteuid(0)
            assert state.condition is Condition.DENIED
            assert what in state.why


async def test_a_program_may_take_the_file_at_once(
    tmp_path: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files are handed over, one that is gone once it had its name was delivered; elsewhere it is missing."""

    def taken(descriptor: int) -> None:
        sync_folder(descriptor)
        for name in os.listdir(descriptor):
            if name.endswith(".wav"):
                os.unlink(name, dir_fd=descriptor)

    monkeypatch.setattr("musicsyncd.library.placing.sync_folder", taken)
    for name, hands_over in (("over", True), ("kept", False)):
        shelf = Volume(name, tmp_path / name, formats=("wav",), layout="{title}", hands_over=hands_over)
        await shelf.adopt()
        if hands_over:
            placed = await shelf.place(staged(staging, b"music"), WANTED, tie_breaker="abc")
            assert (placed.kept.size, placed.kept.shelf) == (len(b"music"), "over")
            assert shelf.target == "handover:over"
        else:
            with pytest.raises(Degraded, match="not there as it was written"):
                await shelf.place(staged(staging, b"music"), WANTED, tie_breaker="abc")
        assert not [*(tmp_path / name).rglob("*.wav")]


@pytest.mark.parametrize("moment", ["before it is opened", "before folders are made"])
async def test_a_mount_point_that_is_empty_by_now_gets_nothing(
    tmp_path: Path, staging: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The disk goes between the look at it and the first byte: no folder and no piece of a file comes to its place."""
    root, disk = tmp_path / "B", tmp_path / "disk"
    root.mkdir()
    shelf = (await adopted(VolumeBench(root))).shelf
    met = {path.name for path in root.iterdir()}
    name = "held" if moment == "before it is opened" else "_check_room"
    real, seen = getattr(placing, name), list[list[Path]]()

    def gone(*args: Any) -> Any:
        root.rename(disk)
        root.mkdir()
        return real(*args)

    monkeypatch.setattr(placing, name, gone)
    monkeypatch.setattr(placing, "crash_point", lambda _: seen.append([*root.rglob("*")]))
    with pytest.raises(Degraded, match="went away"):
        await shelf.place(staged(staging, b"x" * 10), WANTED, tie_breaker="abc123")
    assert [*root.rglob("*"), *(path for some in seen for path in some)] == []
    assert {path.name for path in disk.iterdir()} == met


async def test_a_fetched_file_that_is_gone_is_no_fault_of_the_volume(tmp_path: Path, staging: Path) -> None:
    """Nor is a working folder that takes no copy."""
    shelf = (await adopted(VolumeBench(tmp_path))).shelf
    kept = (await shelf.place(staged(staging, b"x"), WANTED, tie_breaker="abc123")).kept
    with pytest.raises(Temporary, match="working folder"):
        await shelf.fetch(kept, staging / "no folder" / "copy.wav")
    (tmp_path / kept.path).unlink()
    with pytest.raises(Temporary, match="not there any more"):
        await shelf.fetch(kept, staging / "copy.wav")
