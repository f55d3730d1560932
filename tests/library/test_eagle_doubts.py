"""Eagle where it holds, hangs or says nothing of worth: nothing is doubled, concluded or thrown away for that."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from musicsyncd.errors import Degraded
from musicsyncd.library import eagle, eagle_presence
from tests.library.contract import WANTED
from tests.library.eagle_bench import EagleBench, item_of
from tests.library.test_eagle import ABOUT, ADD, ADD_1, URL, file


async def test_a_held_queue_is_asked_once(bench: EagleBench, staging: Path) -> None:
    """However often it is tried; only where Eagle was closed in between is it asked again, and not at once."""
    bench.eagle.lands = False
    one = file(staging)
    for _ in range(4):
        with pytest.raises(Degraded, match="start Eagle anew"):
            await bench.shelf.place(one, WANTED, tie_breaker="abc123")
        await bench.clock.sleep(3600)
    assert len([path for path in bench.asked() if path in (ADD, ADD_1)]) == 1
    bench.eagle.stop()
    assert not (await bench.shelf.state()).ready
    bench.eagle.library.queue.clear()
    bench.eagle.start()
    bench.eagle.lands = True
    await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert len([path for path in bench.asked() if path in (ADD, ADD_1)]) == 1
    assert len(bench.eagle.standing()) == 1


async def test_a_held_queue_is_waited_for_once(bench: EagleBench, staging: Path) -> None:
    """Whoever comes next is told at once and asks for nothing; what lands after all ends that."""
    bench.eagle.lands = False
    one = file(staging)
    others = [file(staging, b"%d" % n, about=replace(ABOUT, track=f"t{n}", url="", fingerprint="")) for n in range(5)]
    with pytest.raises(Degraded):
        await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    began = bench.clock.monotonic()
    for other in others:
        with pytest.raises(Degraded, match="queue"):
            await bench.shelf.place(other, "Other", tie_breaker="other")
    assert bench.clock.monotonic() == began
    bench.eagle.lands = True
    await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    for number, other in enumerate(others):
        await bench.shelf.place(other, f"Other {number}", tie_breaker="other")
    assert len(bench.eagle.standing()) == 6


async def test_one_import_that_was_lost_stops_no_other(bench: EagleBench, staging: Path) -> None:
    """It is waited for once, not by every try anew."""
    bench.eagle.lands = False
    lost = file(staging)
    with pytest.raises(Degraded):
        await bench.shelf.place(lost, WANTED, tie_breaker="abc123")
    bench.eagle.library.queue.clear()
    bench.eagle.lands = True
    await bench.clock.sleep(3600)
    with pytest.raises(Degraded):
        await bench.shelf.place(lost, WANTED, tie_breaker="abc123")
    other = file(staging, b"other", about=replace(ABOUT, track="other", url="", fingerprint=""))
    await bench.shelf.place(other, "Other", tie_breaker="other")


async def test_a_refusal_to_say_is_no_word_of_an_item(older: EagleBench, staging: Path) -> None:
    """Only the words that there is none are."""
    placed = await older.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    older.eagle.refusals = {"/api/item/info": "library is being loaded"}
    with pytest.raises(Degraded, match="being loaded"):
        await older.shelf.look(placed.kept)


async def test_another_librarys_silence_on_an_item_is_no_word(bench: EagleBench, staging: Path) -> None:
    """Nothing is gone because the library was switched a moment after it was looked at."""
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    await bench.shelf.look(placed.kept)
    _, bench.eagle.open = bench.eagle.libraries
    with pytest.raises(Degraded, match="another library"):
        await bench.shelf.look(placed.kept)
    with pytest.raises(Degraded, match="another library"):
        await bench.shelf.found(placed.kept)


async def test_what_sounds_otherwise_is_not_linked(bench: EagleBench, staging: Path) -> None:
    """A preview at the same address: ours is imported beside it."""
    shelf = bench.opened(formats=("alac",))
    theirs = bench.eagle.import_file(b"30s", "preview", "m4a", website=URL)
    bench.other_music = {b"30s"}
    placed = await shelf.place(replace(file(staging, extension="m4a"), format="alac"), WANTED, tie_breaker="abc123")
    assert item_of(placed.kept) != theirs
    assert len(bench.eagle.standing()) == 2


async def test_a_link_to_what_is_other_music_by_now_does_not_hold(bench: EagleBench, staging: Path) -> None:
    """The owner's item stays where it is."""
    theirs = bench.eagle.import_file(b"theirs, longer", "x - title", website=URL)
    linked = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    bench.other_music = {b"theirs, longer"}
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123", replaces=linked.kept)
    assert (item_of(placed.kept) != theirs, placed.recycled) == (True, None)
    assert theirs in {row["id"] for row in bench.eagle.standing()}


async def test_a_linked_item_is_let_go_not_thrown_away(bench: EagleBench, staging: Path) -> None:
    """It loses our tags; undone, it is ours again as it stands."""
    theirs = bench.eagle.import_file(b"theirs, longer", "x - title", website=URL, tags=["Peak"])
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    recycled = await bench.shelf.retire(placed.kept)
    row = bench.eagle.library.items[theirs]
    assert (recycled, row["isDeleted"], row["tags"]) == (placed.kept.path, False, ["Peak"])
    assert await bench.shelf.restore(placed.kept, placed.kept.path) == placed.kept


async def test_an_item_that_cannot_be_read_is_not_said_to_be_ours(bench: EagleBench, staging: Path) -> None:
    """Its size is no proof."""
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    bench.eagle.file_of(item_of(placed.kept)).unlink()
    with pytest.raises(Degraded, match="cannot be read from here"):
        await bench.shelf.found(placed.kept)


async def test_a_hung_disk_of_the_copy_is_no_fault_of_the_track(
    bench: EagleBench, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is parked for that disk, and files from elsewhere go on."""
    monkeypatch.setattr(eagle, "LONGEST_SILENCE", 0.1)
    pipe = staging / "hung.wav"
    os.mkfifo(pipe)
    hung = replace(file(staging), path=pipe, target="volume:B")
    with pytest.raises(Degraded, match="its disk hangs") as caught:
        await bench.shelf.place(hung, WANTED, tie_breaker="abc123")
    assert caught.value.target == "volume:B"
    await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    os.close(os.open(pipe, os.O_WRONLY))


async def test_a_hung_eagle_is_waited_for_once(newer: EagleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all who look at the same time, and by who looks soon after; then a short look tells that it is back."""
    monkeypatch.setattr(eagle_presence, "PROBE_DEADLINE", 0.2)
    answers = anyio.Event()
    asked = []

    async def library() -> str:
        asked.append(1)
        await answers.wait()
        return str(newer.eagle.open)

    monkeypatch.setattr(newer.shelf.client, "library", library)
    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(newer.shelf.state)
    assert (await newer.shelf.state()).why == "Eagle hangs"
    assert len(asked) == 1
    answers.set()
    await newer.clock.sleep(60)
    assert (await newer.shelf.state()).ready
