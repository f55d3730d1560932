"""Eagle as a shelf: the contract, and all that its queue, its libraries and its two versions do to one."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from musicsyncd.errors import Degraded, Permanent
from musicsyncd.library.base import About, Condition, Staged
from tests.fakes.eagle import Call
from tests.library.contract import WANTED, AnyShelfContract, Bench, staged
from tests.library.eagle_bench import EagleBench, eagle_bench, item_of

URL = "https://soundcloud.com/artist-x/title-1"
ABOUT = About(
    track="7abc1234",
    url=URL,
    artist="Artist X",
    genre="House",
    bpm=124.2,
    key="F#m",
    source="soundcloud",
    fingerprint="AQAAmadeup",
    playlists=("Warm Up",),
)
ADD, ADD_1 = "/api/v2/item/add", "/api/item/addFromPath"


class TestNewer(AnyShelfContract):
    """The second version of the API."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        async with eagle_bench(tmp_path) as bench:
            yield bench


class TestOlder(AnyShelfContract):
    """The first version of the API, which takes nothing out of the trash: it says so before anything is moved."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        async with eagle_bench(tmp_path, newer=False) as bench:
            yield bench

    async def test_the_older_version_under_the_same_name_is_recycled(self, bench: Bench, staging: Path) -> None:
        old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
        one = staged(staging, b"newer")
        placed = await bench.shelf.place(one, WANTED, tie_breaker="abc123", replaces=old.kept)
        assert (placed.recycled, await bench.shelf.look(old.kept)) == (old.kept.path, None)
        assert sorted(bench.files().values()) == [b"newer", b"old"]
        assert await bench.shelf.place(one, WANTED, tie_breaker="abc123", replaces=old.kept) == placed
        with pytest.raises(Degraded, match="Restore Björk - Jóga in Eagle"):
            await bench.shelf.recycled(old.kept)

    async def test_a_retired_file_lies_in_the_recycle_area(self, bench: Bench, staging: Path) -> None:
        """Nothing is taken that could not be given back; what a person threw away himself counts as recycled."""
        assert isinstance(bench, EagleBench)
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        with pytest.raises(Degraded, match="Move Björk - Jóga to Eagle's trash yourself"):
            await bench.shelf.retire(placed.kept)
        assert await bench.shelf.look(placed.kept) == placed.kept
        bench.eagle.library.items[item_of(placed.kept)]["isDeleted"] = True
        assert await bench.shelf.retire(placed.kept) == placed.kept.path

    async def test_a_retired_file_comes_back_as_it_was(self, bench: Bench, staging: Path) -> None:
        """By a person's hand."""
        assert isinstance(bench, EagleBench)
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        row = bench.eagle.library.items[item_of(placed.kept)]
        row["isDeleted"] = True
        with pytest.raises(Permanent, match="Restore Björk - Jóga in Eagle"):
            await bench.shelf.restore(placed.kept, placed.kept.path)
        row["isDeleted"] = False
        assert await bench.shelf.restore(placed.kept, placed.kept.path) == placed.kept

    async def test_what_left_the_recycle_area_cannot_come_back(self, bench: Bench, staging: Path) -> None:
        placed = await bench.shelf.place(staged(staging, b"mine"), WANTED, tie_breaker="abc123")
        bench.remove(placed.kept.path)
        with pytest.raises(Permanent):
            await bench.shelf.restore(placed.kept, placed.kept.path)


def file(folder: Path, data: bytes = b"mine", *, about: About = ABOUT, extension: str = "wav") -> Staged:
    return replace(staged(folder, data, extension), about=about)


# What an import is


async def test_an_item_says_what_its_track_is(bench: EagleBench, staging: Path) -> None:
    """Name, address, tags, folder; the file is the one that was staged, byte for byte."""
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    (row,) = bench.eagle.standing()
    (playlists,) = bench.eagle.library.folders
    (warm_up,) = playlists["children"]
    assert (playlists["name"], warm_up["name"]) == ("Playlists", "Warm Up")
    assert (row["name"], row["url"], row["folders"]) == ("Björk - Jóga", URL, [warm_up["id"]])
    print_ = "fingerprint:" + hashlib.md5(b"AQAAmadeup", usedforsecurity=False).hexdigest()
    assert row["tags"] == [print_, "Warm Up", "House", "BPM124", "F#m", "Artist X", "WAV", "soundcloud", "Processed"]
    assert item_of(placed.kept) == row["id"]
    assert bench.eagle.file_of(row["id"]).read_bytes() == b"mine"


async def test_a_queued_import_is_waited_for(bench: EagleBench, staging: Path) -> None:
    """It counts when it was read back with our size, and not before."""
    bench.eagle.delay = 7
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert len(bench.eagle.standing()) == 1
    assert await bench.shelf.look(placed.kept) == placed.kept


async def test_an_import_that_never_lands_is_no_success(bench: EagleBench, staging: Path) -> None:
    """The deadline passes on our clock; when the queue moves again, one item comes of two tries."""
    bench.eagle.lands, began = False, bench.clock.monotonic()
    one = file(staging)
    with pytest.raises(Degraded, match="has not taken in"):
        await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert 60 <= bench.clock.monotonic() - began < 90
    bench.eagle.lands = True
    await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert len(bench.eagle.standing()) == 1
    assert len([path for path in bench.asked() if path in (ADD, ADD_1)]) == 1


async def test_two_formats_are_two_items(bench: EagleBench, staging: Path) -> None:
    """One never counts for the other, though address and name are the same."""
    shelf = bench.opened(formats=("alac", "aac"))
    alac = replace(file(staging, b"alac bytes", extension="m4a"), format="alac")
    aac = replace(file(staging, b"aac", extension="m4a"), format="aac")
    first = await shelf.place(alac, WANTED, tie_breaker="abc123")
    second = await shelf.place(aac, WANTED, tie_breaker="abc123")
    assert item_of(first.kept) != item_of(second.kept)
    assert len(bench.eagle.standing()) == 2
    assert await shelf.place(alac, WANTED, tie_breaker="abc123") == first


# Lost answers, refusals


async def test_a_lost_answer_is_looked_up_before_anything_is_asked_again(bench: EagleBench, staging: Path) -> None:
    """Eagle took it in and the connection broke: one item, at once or at the next try."""
    bench.eagle.lost = {ADD: 1, ADD_1: 1}
    bench.eagle.delay = 3
    await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert len([path for path in bench.asked() if path in (ADD, ADD_1)]) == 1
    assert len(bench.eagle.standing()) == 1


async def test_a_lost_answer_and_a_new_process(bench: EagleBench, staging: Path) -> None:
    """What was asked for is written down before: who comes after waits for it instead of asking again."""
    one = file(staging)
    bench.eagle.lost, bench.eagle.lands = {ADD: 1, ADD_1: 1}, False
    with pytest.raises(Degraded):
        await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    bench.eagle.lands = True
    await bench.opened().place(one, WANTED, tie_breaker="abc123")
    assert len([path for path in bench.asked() if path in (ADD, ADD_1)]) == 1
    assert len(bench.eagle.standing()) == 1


async def test_a_refusal_with_200_is_a_refusal(bench: EagleBench, staging: Path) -> None:
    """Eagle's own words are in the error, and nothing counts as placed; later it goes through."""
    bench.eagle.refusals = {ADD: "no space left", ADD_1: "no space left"}
    one = file(staging)
    with pytest.raises(Degraded, match="no space left") as caught:
        await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert caught.value.target == "volume:eagle"
    bench.eagle.refusals = {}
    await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert len(bench.eagle.standing()) == 1


async def test_a_handler_that_throws_parks(bench: EagleBench, staging: Path) -> None:
    """500 says nothing of the file."""
    bench.eagle.throws = {ADD, ADD_1}
    with pytest.raises(Degraded):
        await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert bench.eagle.standing() == []


async def test_other_bytes_under_our_id_are_not_ours(newer: EagleBench, staging: Path) -> None:
    """What Eagle would do with an id that is taken is known to nobody: it is not tried."""
    one = file(staging)
    placed = await newer.shelf.place(one, WANTED, tie_breaker="abc123")
    newer.eagle.change_file(item_of(placed.kept), b"cut")
    newer.asked()
    with pytest.raises(Degraded, match="is not Björk - Jóga"):
        await newer.shelf.place(one, WANTED, tie_breaker="abc123")
    assert ADD not in newer.asked()


async def test_what_a_person_threw_away_comes_back(newer: EagleBench, staging: Path) -> None:
    """The item of our id lies in the trash: it is taken out, not imported beside."""
    one = file(staging)
    placed = await newer.shelf.place(one, WANTED, tie_breaker="abc123")
    newer.eagle.library.items[item_of(placed.kept)]["isDeleted"] = True
    assert await newer.shelf.look(placed.kept) is None
    assert await newer.shelf.place(one, WANTED, tie_breaker="abc123") == placed
    assert len(newer.eagle.library.items) == 1


# Libraries


async def test_the_first_library_is_remembered(bench: EagleBench, staging: Path) -> None:
    """Another one that is open later gets nothing, and the state says which to open."""
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    ours, other = bench.eagle.libraries
    bench.eagle.open = other
    shelf = bench.opened()
    state = await shelf.state()
    assert state.condition is Condition.FOREIGN
    assert str(other) in state.why
    assert str(ours) in state.fix
    with pytest.raises(Degraded, match="another library open"):
        await shelf.place(file(staging, b"more"), WANTED, tie_breaker="abc123")
    with pytest.raises(Degraded):
        await shelf.look(placed.kept)
    with pytest.raises(Degraded):
        await shelf.retire(placed.kept)
    assert bench.eagle.libraries[other].items == {}
    assert "/api/library/switch" not in bench.asked()


async def test_a_library_that_is_switched_meanwhile_is_noticed(bench: EagleBench, staging: Path) -> None:
    """Between the import and its confirmation: nothing counts; with the library back, one item is there."""
    ours, other = bench.eagle.libraries
    one = file(staging)

    def switch(call: Call) -> None:
        if call.path in (ADD, ADD_1):
            bench.eagle.on_call = lambda _: setattr(bench.eagle, "open", other)

    bench.eagle.delay, bench.eagle.on_call = 1, switch
    with pytest.raises(Degraded):
        await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    bench.eagle.on_call, bench.eagle.open = lambda _: None, ours
    await bench.shelf.place(one, WANTED, tie_breaker="abc123")
    assert len(bench.eagle.libraries[ours].items) == 1
    assert bench.eagle.libraries[other].items == {}


async def test_with_consent_the_right_library_is_opened(bench: EagleBench, staging: Path) -> None:
    """Then, and only then, it is switched."""
    ours, other = bench.eagle.libraries
    bench.eagle.open = other
    shelf = bench.opened(library=str(ours), switch_library=True)
    assert (await shelf.state()).condition is Condition.FOREIGN, "a look changes nothing"
    await shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert bench.eagle.open == ours
    assert len(bench.eagle.standing()) == 1


async def test_eagle_is_launched_where_that_is_allowed(bench: EagleBench, staging: Path) -> None:
    """Once, then it is waited for; who closes it again is left alone for a while."""
    bench.eagle.stop()
    mark = staging / "launched"
    command = (sys.executable, "-c", f"open({str(mark)!r}, 'a').write('x')")
    shelf = bench.opened(launch=command)
    assert (await shelf.state()).condition is Condition.ABSENT
    assert not mark.exists(), "a look starts nothing"
    for _ in range(2):
        assert not (await shelf.prepare()).ready
    assert mark.read_text() == "x"
    bench.eagle.start()
    await bench.clock.sleep(60)
    assert (await shelf.prepare()).ready


async def test_a_closed_eagle_says_what_to_do(bench: EagleBench, staging: Path) -> None:
    """Every question names the target, the reason and the remedy."""
    bench.eagle.stop()
    state = await bench.shelf.state()
    assert (state.condition, state.fix) == (Condition.ABSENT, "Start Eagle")
    with pytest.raises(Degraded) as caught:
        await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert caught.value.fix == "Start Eagle"


async def test_a_library_is_known_however_its_path_is_spelled(bench: EagleBench, staging: Path) -> None:
    """Also after a person wrote it into the settings."""
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    shelf = bench.opened(library=f"{bench.eagle.open.parent}//{bench.eagle.open.name}/")
    assert await shelf.look(placed.kept) == placed.kept


async def test_what_eagle_is_launched_with_holds_no_secret(
    bench: EagleBench, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of ours stay with us."""
    monkeypatch.setenv("EAGLE_TOKEN", "canary-71c4")
    bench.eagle.stop()
    seen = staging / "seen"
    command = (sys.executable, "-c", f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))")
    await bench.opened(launch=command).prepare()
    assert "PATH" in seen.read_text()
    assert "canary" not in seen.read_text()


# What is there already


async def test_the_owners_own_copy_is_linked(bench: EagleBench, staging: Path) -> None:
    """By its very address: nothing is imported, their tags stay, and it is not taken away when ours changes."""
    theirs = bench.eagle.import_file(b"theirs, longer", "x - title", website=URL, tags=["Peak", "BPM124"])
    bench.eagle.import_file(b"no", "another", website=URL + "0")
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert item_of(placed.kept) == theirs
    assert placed.kept.sha256 == hashlib.sha256(b"theirs, longer").hexdigest()
    assert bench.eagle.library.items[theirs]["tags"][:2] == ["Peak", "BPM124"]
    again = await bench.shelf.place(file(staging, b"new tags"), WANTED, tie_breaker="abc123", replaces=placed.kept)
    assert (item_of(again.kept), again.recycled) == (theirs, None)
    assert [path for path in bench.asked() if path in (ADD, ADD_1)] == []


async def test_the_same_sound_to_the_last_digit_is_linked(bench: EagleBench, staging: Path) -> None:
    """As an item of before the ledger was lost says it; half a fingerprint links nothing."""
    digest = hashlib.md5(b"AQAAmadeup", usedforsecurity=False).hexdigest()
    bench.eagle.import_file(b"no", "half", tags=["fingerprint:" + digest[:16]])
    theirs = bench.eagle.import_file(b"mine", "whole", tags=["fingerprint:" + digest])
    placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert item_of(placed.kept) == theirs


async def test_an_item_is_one_tracks_only(bench: EagleBench, staging: Path) -> None:
    """Two tracks of one address, as parts of a mix are: the second gets an item of its own."""
    first = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    other = file(staging, b"part two", about=replace(ABOUT, track="8bcd2345", fingerprint="else"))
    second = await bench.shelf.place(other, "Part 2", tie_breaker="8bcd23")
    assert item_of(first.kept) != item_of(second.kept)


async def test_a_new_version_keeps_what_a_person_did_to_the_old(bench: EagleBench, staging: Path) -> None:
    """Their tags; in the second version of the API also stars and notes. Of ours only what holds now."""
    old = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    row = bench.eagle.library.items[item_of(old.kept)]
    row["tags"] = [tag for tag in row["tags"] if tag != "Processed"] + ["Closing"]
    row |= {"star": 5, "annotation": "cue at 1:04"}
    newer = file(staging, b"newer bytes", about=replace(ABOUT, bpm=128.0))
    placed = await bench.shelf.place(newer, WANTED, tie_breaker="abc123", replaces=old.kept)
    now = bench.eagle.library.items[item_of(placed.kept)]
    assert "Closing" in now["tags"]
    assert "BPM128" in now["tags"]
    assert not {"BPM124", "Processed"} & set(now["tags"])
    assert (now["star"], now["annotation"]) == (5, "cue at 1:04")
    assert [one["id"] for one in bench.eagle.standing()] == [item_of(placed.kept)]


async def test_a_version_that_was_never_recorded_makes_way(bench: EagleBench, staging: Path) -> None:
    """Its process died after the import, and the audio was made anew: the track still stands there once."""
    await bench.shelf.place(file(staging, b"unrecorded"), WANTED, tie_breaker="abc123")
    await bench.shelf.place(file(staging, b"made anew"), WANTED, tie_breaker="abc123")
    assert [row["size"] for row in bench.eagle.standing()] == [len(b"made anew")]


# Size


async def test_thirty_thousand_items_are_listed_once(bench: EagleBench, staging: Path) -> None:
    """In at most 60 requests with the import itself; from then on only what came since is asked for."""
    bench.eagle.fill(30_000)
    await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert len(bench.asked()) <= 60
    await bench.clock.sleep(3600)
    theirs = bench.eagle.import_file(b"by hand", "later", website=URL + "-later")
    later = file(staging, b"elsewhere", about=replace(ABOUT, track="later", url=URL + "-later", fingerprint=""))
    placed = await bench.opened().place(later, WANTED, tie_breaker="later")
    assert item_of(placed.kept) == theirs
    assert len(bench.asked()) <= 20


async def test_a_listing_that_was_cut_short_goes_on(newer: EagleBench, staging: Path) -> None:
    """No page that was read is asked for again."""
    newer.eagle.fill(5_000)
    seen: list[int] = []

    def close_after_three(call: Call) -> None:
        if "offset" in call.body:
            seen.append(call.body["offset"])
            if len(seen) == 3:
                newer.eagle.throws = {call.path}

    newer.eagle.on_call = close_after_three
    with pytest.raises(Degraded):
        await newer.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    newer.eagle.throws = set()
    seen.append(-1)
    await newer.shelf.place(file(staging), WANTED, tie_breaker="abc123")
    assert seen[seen.index(-1) + 1 :] == [2000, 3000, 4000, 5000]


# The token


async def test_the_token_is_told_to_eagle_alone(
    tmp_path: Path, staging: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken, and stands in no log, error or state; a wrong one is refused with a remedy."""
    caplog.set_level(0)
    async with eagle_bench(tmp_path, token="canary-71c4") as bench:
        placed = await bench.shelf.place(file(staging), WANTED, tie_breaker="abc123")
        said = [repr(placed), repr(await bench.shelf.state())]
        bench.eagle.refusals = {ADD: "bad token canary-71c4"}
        with pytest.raises(Degraded) as refused:
            await bench.shelf.place(file(staging, b"more"), WANTED, tie_breaker="other")
        bench.eagle.token = "another"
        state = await bench.shelf.state()
        assert (state.condition, "eagle.token" in state.fix) == (Condition.DENIED, True)
        bench.eagle.stop()
        with pytest.raises(Degraded) as closed:
            await bench.shelf.look(placed.kept)
        said += [str(refused.value), repr(refused.value), str(closed.value), repr(closed.value.__cause__), repr(state)]
        assert all("canary" not in call.query.get("token", "") for call in bench.eagle.calls if call.method == "POST")
    written = capsys.readouterr()
    assert "canary-71c4" not in "\n".join([*said, caplog.text, written.out, written.err])
