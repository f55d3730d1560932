"""What every shelf keeps, whatever it is made of."""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import pytest

from musicsyncd.errors import Degraded, Permanent, Temporary
from musicsyncd.library.base import Kept, Lying, Shelf, Staged
from musicsyncd.library.naming import path_key
from musicsyncd.library.recycle import RECYCLE

WANTED = "Björk/Björk - Jóga"
FILE = f"{WANTED}.wav"
TIED = f"{WANTED} [abc123].wav"
_counter = itertools.count()


class Bench(Protocol):
    """A shelf, and the world's access to what is on it."""

    @property
    def shelf(self) -> Shelf:
        """The shelf."""

    def files(self) -> dict[str, bytes]:
        """Every file by the `path_key` of its path: kept, recycled, foreign and temporary."""

    def plant(self, path: str, data: bytes) -> None:
        """Write a file as another program does."""

    def remove(self, path: str) -> None:
        """Delete a file as another program does."""

    def take_away(self) -> None:
        """Make the shelf absent."""


def staged(folder: Path, data: bytes, extension: str = "wav") -> Staged:
    """A staged file with these bytes."""
    path = folder / f"staged-{next(_counter)}.{extension}"
    path.write_bytes(data)
    return Staged(
        path=path, format=extension, extension=extension, size=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


class AnyShelfContract:
    """What also a shelf keeps whose names are not ours to choose. Inherit it and give a `bench` fixture."""

    async def test_a_file_is_kept_as_it_was_staged(self, bench: Bench, staging: Path) -> None:
        """The bytes stand there, and the evidence speaks of them."""
        file = staged(staging, b"audio" * 1000)
        placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        assert bench.files() == {path_key(placed.kept.path): b"audio" * 1000}
        assert (placed.kept.size, placed.kept.sha256, placed.recycled) == (5000, file.sha256, None)
        assert await bench.shelf.look(placed.kept) == placed.kept

    async def test_a_kept_file_is_fetched_in_place_of_an_earlier_copy(self, bench: Bench, staging: Path) -> None:
        """Its bytes, whole; a shelf that is away says so."""
        placed = await bench.shelf.place(staged(staging, b"audio" * 1000), WANTED, tie_breaker="abc123")
        copy = staging / "copy.wav"
        copy.write_bytes(b"half of an earlier one")
        await bench.shelf.fetch(placed.kept, copy)
        assert copy.read_bytes() == b"audio" * 1000
        bench.take_away()
        with pytest.raises(Degraded):
            await bench.shelf.fetch(placed.kept, copy)

    async def test_a_second_time_writes_nothing(self, bench: Bench, staging: Path) -> None:
        """The very bytes are taken as placed."""
        file = staged(staging, b"mine")
        first = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        assert await bench.shelf.place(file, WANTED, tie_breaker="abc123") == first
        assert [*bench.files().values()] == [b"mine"]

    async def test_the_older_version_under_the_same_name_is_recycled(self, bench: Bench, staging: Path) -> None:
        """It can be had back, and a second run finds both so."""
        old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
        file = staged(staging, b"newer")
        placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123", replaces=old.kept)
        assert placed.recycled is not None
        assert sorted(bench.files().values()) == [b"newer", b"old"]
        assert await bench.shelf.look(old.kept) is None
        assert await bench.shelf.recycled(old.kept) == placed.recycled
        assert await bench.shelf.recycled(placed.kept) is None
        assert await bench.shelf.place(file, WANTED, tie_breaker="abc123", replaces=old.kept) == placed
        assert await bench.shelf.retire(placed.kept) is not None
        back = await bench.shelf.restore(old.kept, placed.recycled)
        assert await bench.shelf.look(back) == back

    async def test_a_version_that_somebody_changed_stays(self, bench: Bench, staging: Path) -> None:
        """What another program wrote into the old file is not moved away; the new one stands beside it."""
        old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
        bench.plant(old.kept.path, b"old, with cue points")
        placed = await bench.shelf.place(staged(staging, b"newer"), WANTED, tie_breaker="abc123", replaces=old.kept)
        assert placed.recycled is None
        found = await bench.shelf.found(old.kept)
        assert found is not None
        assert found.size == len(b"old, with cue points")
        assert await bench.shelf.look(placed.kept) == placed.kept

    async def test_a_retired_file_lies_in_the_recycle_area(self, bench: Bench, staging: Path) -> None:
        """It is not deleted, and a second call says where it lies."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        assert [*bench.files().values()] == [b"mine"]
        assert await bench.shelf.look(placed.kept) is None
        assert await bench.shelf.found(placed.kept) is None
        assert await bench.shelf.recycled(placed.kept) == recycled
        assert await bench.shelf.retire(placed.kept) == recycled

    async def test_what_somebody_changed_or_took_away_is_not_retired(self, bench: Bench, staging: Path) -> None:
        """It is theirs: it stays where it is."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.plant(placed.kept.path, b"mine, with cue points")
        assert await bench.shelf.retire(placed.kept) is None
        assert [*bench.files().values()] == [b"mine, with cue points"]
        assert await bench.shelf.found(placed.kept) is not None
        bench.remove(placed.kept.path)
        assert await bench.shelf.retire(placed.kept) is None
        assert bench.files() == {}

    async def test_a_retired_file_comes_back_as_it_was(self, bench: Bench, staging: Path) -> None:
        """Byte for byte under its old name; a second call finds it there."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        for _ in range(2):
            back = await bench.shelf.restore(placed.kept, recycled)
            assert (back.path, back.sha256, back.size) == (placed.kept.path, placed.kept.sha256, 4)
            assert bench.files() == {path_key(placed.kept.path): b"mine"}
        assert await bench.shelf.look(back) == back

    async def test_a_file_that_is_gone_or_other_is_not_seen(self, bench: Bench, staging: Path) -> None:
        """`look` tells neither a missing nor a changed file for the one that was kept."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.plant(placed.kept.path, b"another")
        assert await bench.shelf.look(placed.kept) is None
        bench.remove(placed.kept.path)
        assert await bench.shelf.look(placed.kept) is None

    async def test_what_somebody_made_of_a_kept_file_is_found(self, bench: Bench, staging: Path) -> None:
        """Whatever stands under its name is told as it is now; nothing where nothing stands."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        assert await bench.shelf.found(placed.kept) == placed.kept
        bench.plant(placed.kept.path, b"mine, and tags")
        now = await bench.shelf.found(placed.kept)
        assert now is not None
        assert (now.size, now.sha256) == (14, hashlib.sha256(b"mine, and tags").hexdigest())
        assert await bench.shelf.look(now) == now
        bench.remove(placed.kept.path)
        assert await bench.shelf.found(placed.kept) is None

    async def test_a_kept_file_can_be_read_by_others(self, bench: Bench, staging: Path) -> None:
        """The path that a worker process is given has the bytes that were kept."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        assert (await bench.shelf.readable(placed.kept, staging)).read_bytes() == b"mine"

    async def test_a_staged_file_that_changed_is_refused(self, bench: Bench, staging: Path) -> None:
        """Bytes that are not those recorded, or none, reach no shelf; the job is tried again, or fails."""
        file = staged(staging, b"mine")
        file.path.write_bytes(b"else")
        with pytest.raises(Temporary):
            await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        file.path.unlink()
        with pytest.raises(Temporary):
            await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        with pytest.raises(Permanent):
            await bench.shelf.place(staged(staging, b""), WANTED, tie_breaker="abc123")
        assert bench.files() == {}

    async def test_an_absent_shelf_is_degraded_and_written_nowhere(self, bench: Bench, staging: Path) -> None:
        """Its state says why; placing and looking name the target that is away."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.take_away()
        state = await bench.shelf.state()
        assert not state.ready
        assert state.why
        before = bench.files()
        with pytest.raises(Degraded) as placing:
            await bench.shelf.place(staged(staging, b"more"), "other", tie_breaker="abc123")
        with pytest.raises(Degraded):
            await bench.shelf.look(placed.kept)
        assert placing.value.target == bench.shelf.target
        assert bench.files() == before

    async def test_what_left_the_recycle_area_cannot_come_back(self, bench: Bench, staging: Path) -> None:
        """The refusal is final, and leaves no folder behind."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        bench.remove(recycled)
        with pytest.raises(Permanent):
            await bench.shelf.restore(placed.kept, recycled)
        assert bench.files() == {}

    async def test_nothing_is_moved_on_an_absent_shelf(self, bench: Bench, staging: Path) -> None:
        """Both directions name the target that is away."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.take_away()
        with pytest.raises(Degraded):
            await bench.shelf.retire(placed.kept)
        with pytest.raises(Degraded):
            await bench.shelf.restore(placed.kept, "anywhere")


class ShelfContract(AnyShelfContract):
    """What a shelf of paths keeps beside that. Inherit it and give a `bench` fixture."""

    async def test_a_file_is_kept_as_it_was_staged(self, bench: Bench, staging: Path) -> None:
        """The bytes stand under the wanted name, and the evidence speaks of them."""
        file = staged(staging, b"audio" * 1000)
        placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        assert bench.files() == {path_key(FILE): b"audio" * 1000}
        assert unicodedata.normalize("NFC", placed.kept.path) == FILE
        assert (placed.kept.size, placed.kept.sha256, placed.recycled) == (5000, file.sha256, None)
        assert await bench.shelf.look(placed.kept) == placed.kept

    @pytest.mark.parametrize("own", ["Crates/... intro - x.wav", "1/2/3/4/5/6/7/8/9/Crate.WAV", "Top  (Club Mix) .wav"])
    async def test_a_file_that_stays_keeps_the_name_that_its_owner_gave(
        self, bench: Bench, staging: Path, own: str
    ) -> None:
        """Letter by letter, though we would never give such a name; the version before is recycled."""
        first = await bench.shelf.place(staged(staging, b"first"), WANTED, tie_breaker="abc123")
        bench.remove(first.kept.path)
        bench.plant(own, b"first")
        theirs = await bench.shelf.found(replace(first.kept, path=own))
        assert theirs
        wanted = str(PurePosixPath(own).with_suffix(""))
        placed = await bench.shelf.place(staged(staging, b"newer"), wanted, tie_breaker="abc123", replaces=theirs)
        assert placed.kept.path == theirs.path
        assert bench.files()[path_key(own)] == b"newer"
        assert placed.recycled
        assert bench.files()[path_key(placed.recycled)] == b"first"

    async def test_a_shelf_that_lists_tells_of_what_stands(self, bench: Bench, staging: Path) -> None:
        """Kept or foreign, whatever lies in its folders; not what was recycled. Away, it tells nothing."""
        if not bench.shelf.lists:
            pytest.skip("what stands here is asked for one by one")
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        gone = await bench.shelf.place(staged(staging, b"another"), "X/x", tie_breaker="abc123")
        bench.plant("Y/y.wav", b"foreign")
        assert await bench.shelf.retire(gone.kept)
        found: list[Lying] = []
        await bench.shelf.listing(found.extend)
        assert {path_key(one.path): one.size for one in found} == {path_key(FILE): 4, path_key("Y/y.wav"): 7}
        mine = next(one for one in found if one.path == placed.kept.path)
        assert (mine.mtime_ns, mine.stray) == (placed.kept.mtime_ns, False)
        bench.take_away()
        with pytest.raises(Degraded):
            await bench.shelf.listing(found.extend)

    async def test_a_second_time_writes_nothing(self, bench: Bench, staging: Path) -> None:
        """The very bytes under one of the names are taken as placed, untouched."""
        bench.plant(FILE, b"another")
        file = staged(staging, b"mine")
        first = await bench.shelf.place(file, WANTED, tie_breaker="abc123")
        assert await bench.shelf.place(file, WANTED, tie_breaker="abc123") == first
        bench.remove(FILE)
        assert await bench.shelf.place(file, WANTED, tie_breaker="abc123") == first

    @pytest.mark.parametrize(
        "held", [FILE, FILE.upper(), unicodedata.normalize("NFD", FILE)], ids=["same", "case", "NFD"]
    )
    async def test_another_file_is_never_overwritten(self, bench: Bench, staging: Path, held: str) -> None:
        """A name that is the same to the pickiest volume counts as held: the tie breaker is added, then a number."""
        bench.plant(held, b"another")
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        assert path_key(placed.kept.path) == path_key(TIED)
        more = await bench.shelf.place(staged(staging, b"third"), WANTED, tie_breaker="abc123")
        assert path_key(more.kept.path) == path_key(f"{WANTED} [abc123] (2).wav")
        assert sorted(bench.files().values()) == [b"another", b"mine", b"third"]

    async def test_a_full_house_of_names_is_refused(self, bench: Bench, staging: Path) -> None:
        """When every name is held the shelf says so and changes nothing."""
        bench.plant(FILE, b"another")
        for number in range(9):
            await bench.shelf.place(staged(staging, b"%d" % number), WANTED, tie_breaker="abc123")
        before = bench.files()
        with pytest.raises(Degraded):
            await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        assert bench.files() == before

    async def test_the_older_version_under_the_same_name_is_recycled(self, bench: Bench, staging: Path) -> None:
        """The new bytes get the name, the old ones go to the recycle area, and a second run finds both so."""
        old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
        file = staged(staging, b"newer")
        placed = await bench.shelf.place(file, WANTED, tie_breaker="abc123", replaces=old.kept)
        assert placed.recycled is not None
        assert placed.recycled.startswith(RECYCLE)
        assert bench.files() == {path_key(FILE): b"newer", path_key(placed.recycled): b"old"}
        assert await bench.shelf.look(old.kept) is None
        assert await bench.shelf.recycled(old.kept) == placed.recycled, "found again without its journal entry"
        assert await bench.shelf.recycled(placed.kept) is None
        again = await bench.shelf.place(file, WANTED, tie_breaker="abc123", replaces=old.kept)
        assert again == placed

    async def test_the_older_version_under_another_name_is_recycled(self, bench: Bench, staging: Path) -> None:
        """A renamed track leaves no old file behind, and none is lost."""
        old = await bench.shelf.place(staged(staging, b"old"), "Bjork/Joga", tie_breaker="abc123")
        placed = await bench.shelf.place(staged(staging, b"newer"), WANTED, tie_breaker="abc123", replaces=old.kept)
        assert placed.recycled is not None
        assert bench.files() == {path_key(FILE): b"newer", path_key(placed.recycled): b"old"}

    async def test_nothing_in_the_recycle_area_is_overwritten(self, bench: Bench, staging: Path) -> None:
        """Three versions in a day leave two in the area, also when only their case differs."""
        kept: Kept | None = None
        for data, wanted in ((b"one", WANTED), (b"two", f"Björk/{FILE[6:-4].upper()}"), (b"three", WANTED)):
            placed = await bench.shelf.place(staged(staging, data), wanted, tie_breaker="abc123", replaces=kept)
            kept = placed.kept
        assert sorted(bench.files().values()) == [b"one", b"three", b"two"]
        assert bench.files()[path_key(FILE)] == b"three"

    async def test_a_version_that_somebody_changed_stays(self, bench: Bench, staging: Path) -> None:
        """What another program wrote into the old file is not moved away; the new one stands beside it."""
        old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
        bench.plant(FILE, b"old, with cue points")
        placed = await bench.shelf.place(staged(staging, b"newer"), WANTED, tie_breaker="abc123", replaces=old.kept)
        assert placed.recycled is None
        assert bench.files() == {path_key(FILE): b"old, with cue points", path_key(TIED): b"newer"}

    @pytest.mark.parametrize(
        "wanted",
        ["", "/", "..", "../../etc/passwd", "CON", "a\nb", "🎧 שלום/👨‍👩‍👧 - \u202eevil", "é" * 300, "dot.", "-rf"],
    )
    async def test_any_name_is_kept_inside_the_shelf(self, bench: Bench, staging: Path, wanted: str) -> None:
        """Whatever is wanted, one file stands there and is found again."""
        placed = await bench.shelf.place(staged(staging, b"mine"), wanted, tie_breaker="abc123")
        assert bench.files() == {path_key(placed.kept.path): b"mine"}
        assert await bench.shelf.look(placed.kept) == placed.kept

    async def test_a_retired_file_lies_in_the_recycle_area(self, bench: Bench, staging: Path) -> None:
        """It is moved, not copied, and a second call says where it lies."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        assert recycled.startswith(RECYCLE)
        assert bench.files() == {path_key(recycled): b"mine"}
        assert await bench.shelf.look(placed.kept) is None
        assert await bench.shelf.retire(placed.kept) == recycled

    async def test_what_somebody_changed_or_took_away_is_not_retired(self, bench: Bench, staging: Path) -> None:
        """It is theirs: it stays where it is."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.plant(placed.kept.path, b"mine, with cue points")
        assert await bench.shelf.retire(placed.kept) is None
        assert bench.files() == {path_key(FILE): b"mine, with cue points"}
        bench.remove(placed.kept.path)
        assert await bench.shelf.retire(placed.kept) is None
        assert bench.files() == {}

    async def test_a_retired_file_comes_back_as_it_was(self, bench: Bench, staging: Path) -> None:
        """Byte for byte under its old name; a second call finds it there."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        for _ in range(2):
            back = await bench.shelf.restore(placed.kept, recycled)
            assert (back.path, back.sha256, back.size) == (placed.kept.path, placed.kept.sha256, 4)
            assert bench.files() == {path_key(FILE): b"mine"}
        assert await bench.shelf.look(back) == back

    async def test_a_name_that_was_taken_meanwhile_is_not_overwritten(self, bench: Bench, staging: Path) -> None:
        """Nor is the recycled file moved: nothing changes."""
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        recycled = await bench.shelf.retire(placed.kept)
        assert recycled is not None
        bench.plant(placed.kept.path, b"other")
        before = bench.files()
        with pytest.raises(Permanent):
            await bench.shelf.restore(placed.kept, recycled)
        assert bench.files() == before
