"""Reconcile through the real daemon, with a book in Notion: found, put right, approved, undone; no audio is lost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.library.recycle import RECYCLE
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.fakes.running import Running, running, write_wave
from tests.test_crash import settle

DEMO = Path(__file__).parents[1] / "musicsyncd" / "demo" / "tracks"
MUSIC = (DEMO / "Ada Voss - Lantern Street (Dub).flac", DEMO / "Tomo Rell - Glass Harbour.ogg")
NO_VIDEO = "https://www.youtube.com/watch?v="


@pytest.fixture
def book() -> Iterator[Workspace]:
    """The owner's databases; whatever is asked of them keeps to Notion's own document."""
    with NotionFake() as fake:
        yield music_workspace(fake)
    assert fake.faults == []


@pytest.fixture
def daemon(book: Workspace, tmp_path: Path) -> Iterator[Running]:
    """A daemon with two tracks kept, each with its row in Notion."""
    extra = (
        f'[notion]\nbase_url = "{book.fake.url}"\nlag = 0\nmirror_every = 0.05\nrequests_per_second = 100\n'
        "[duplicates]\nleave_out = false\n"
    )
    with running(tmp_path, environment=book.environment(), extra=extra) as daemon:
        code, report = daemon.sync(*MUSIC)
        assert code == 0, report
        yield daemon


def asked(daemon: Running, *args: str, code: int = 0) -> dict[str, Any]:
    done = daemon.ctl(*args, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def reconciled(daemon: Running, *args: str) -> dict[str, Any]:
    """A run, and all that it set going."""
    answer = asked(daemon, "reconcile", *args)
    settle(daemon)
    return answer


def contents(daemon: Running) -> dict[str, str]:
    """SHA-256 of every file on the volume, recycled ones too."""
    root = daemon.library()
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in daemon.files()}


def kinds(plan: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["kind"], one["who"]) for one in plan["differences"]}


def rows(book: Workspace) -> dict[str, dict[str, Any]]:
    return {row["Title"]: dict(row.values) for row in book.fake.pages(book.tracks)}


def test_what_differs_is_found_put_right_approved_and_undone(daemon: Running, book: Workspace) -> None:
    """The whole walk: a file moved by a person, rows of the past, and a file that is there already."""
    fake, library = book.fake, daemon.library()
    assert reconciled(daemon, "--dry-run")["differences"] == []
    old = next(name for name in daemon.files() if name.endswith(".wav") and "Lantern" in name)
    (library / "Crates").mkdir()
    (library / old).rename(library / "Crates" / "lantern.wav")
    there = write_wave(library / "Past" / "Old Hand.wav", seconds=4.0, pitch=330.0)
    poisoned = fake.row(book.tracks, {
        "Title": "Nowhere", "Downloaded": True, "M4A File Path": "None", "YouTube URL": NO_VIDEO,
        "WAV File Path": "FILE_MISSING",
    })  # fmt: skip
    missing = fake.row(book.tracks, {
        "Title": "Missing", "Downloaded": True, "WAV File Path": str(library / "Past" / "gone.wav"),
    })  # fmt: skip
    present = fake.row(book.tracks, {
        "Title": "Old Hand", "Artist Name": "Mara", "Downloaded": True, "WAV File Path": str(there),
    })  # fmt: skip
    before, book_before = contents(daemon), rows(book)
    time.sleep(0.06)  # the mirror is asked for what is new again

    # A dry run tells exactly what a run does, and writes nothing anywhere.
    already = len(fake.asked())
    plan = asked(daemon, "reconcile", "--dry-run")
    questions = {(one.method, one.path.rpartition("/")[2]) for one in fake.asked()[already:]}
    assert ("POST", "query") in questions
    assert not any(one.path.startswith("/v1/pages") for one in fake.asked()[already:]), questions
    assert kinds(plan) == {
        ("moved", "safe"), ("poisoned", "person"), ("unfounded", "person"), ("already present", "person"),
        ("unknown", "told"),
    }  # fmt: skip
    assert (contents(daemon), rows(book)) == (before, book_before)
    repairs = {one["subject"]: one["proposal"] for one in plan["differences"] if one["kind"] == "poisoned"}
    assert set(repairs) == {poisoned}
    assert f'YouTube URL: "{NO_VIDEO}" → empty' in repairs[poisoned]
    assert 'M4A File Path: "None" → empty' in repairs[poisoned]
    unfounded = {one["subject"]: one["proposal"] for one in plan["differences"] if one["kind"] == "unfounded"}
    assert set(unfounded) == {poisoned, missing}
    assert "Downloaded: true → false" in unfounded[missing]
    assert any("wait for a person" in one for one in daemon.client.get("/v1/status")["attention"])

    # A run does what is safe: the moved file's evidence follows it, and its row says so.
    run = reconciled(daemon)
    assert [one["id"] for one in run["differences"]] == [one["id"] for one in plan["differences"]]
    assert len(run["done"]) == 1
    assert contents(daemon) == before
    row = next(values for title, values in rows(book).items() if title.startswith("Lantern"))
    assert row["WAV File Path"] == str(library / "Crates" / "lantern.wav")

    # What a person approves is done: repairs to the letter, and the very file taken in; it stays where it is.
    downloads = len(fake.pages(book.tracks))
    applied = reconciled(daemon, "--apply", run["plan"])
    assert applied["left"] == []
    values = fake.page(poisoned).values
    assert (values["Downloaded"], values["M4A File Path"] or None, values["YouTube URL"]) == (False, None, None)
    assert fake.page(missing)["Downloaded"] is False
    after = contents(daemon)
    assert {name: after.get(name) for name in before} == before
    assert len(after) == len(before) + 3
    taken = fake.page(present).values
    assert (taken["Title"], taken["Downloaded"], len(fake.pages(book.tracks))) == ("Old Hand", True, downloads)
    assert Path(taken["M4A File Path"]).is_file()
    (track,) = asked(daemon, "tracks", "Old Hand")["tracks"]
    assert (track["state"], track["source_audio"]["sha256"]) == ("standing", before["Past/Old Hand.wav"])

    # Nothing is left to say but what nobody knows; the repairs are taken back to the letter.
    time.sleep(0.06)
    assert kinds(asked(daemon, "reconcile", "--dry-run")) <= {("unknown", "told")}
    assert reconciled(daemon)["done"] == []
    undone = asked(daemon, "undo", applied["job"])
    assert undone["left"] == []
    values = fake.page(poisoned).values
    assert (values["Downloaded"], values["M4A File Path"], values["YouTube URL"]) == (True, "None", NO_VIDEO)
    assert fake.page(missing).values == {**fake.page(missing).values, **_written(book_before["Missing"])}
    assert asked(daemon, "undo", applied["job"])["left"] == []
    assert contents(daemon) == after


def _written(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in ("Downloaded", "WAV File Path")}


def test_half_an_emptied_volume_is_an_error_and_nothing_is_done(daemon: Running, book: Workspace) -> None:
    """Not even the safe things beside it; when the files are back, all is well."""
    for name in ("Third", "Fourth"):
        assert (
            daemon.sync(write_wave(daemon.folder / "in" / f"Mara - {name}.wav", pitch=200.0 + len(name) * 50))[0] == 0
        )
    library = daemon.library()
    files = [name for name in daemon.files() if not name.startswith(RECYCLE)]
    gone = {name: (library / name).read_bytes() for name in files[: len(files) // 2]}
    for name in gone:
        (library / name).unlink()
    before, shown = contents(daemon), rows(book)
    done = daemon.ctl("reconcile")
    assert done.returncode == 7, done.stdout + done.stderr
    assert f"{len(gone)} of {len(files)} files on volume:main are gone at once" in done.stderr
    settle(daemon)
    assert (contents(daemon), rows(book)) == (before, shown)
    assert any("The last reconcile failed" in one for one in daemon.client.get("/v1/status")["attention"])
    plan = asked(daemon, "reconcile", "--dry-run")
    assert ("shrunk", "person") in kinds(plan)
    assert daemon.ctl("reconcile", "--apply", plan["plan"]).returncode == 7
    for name, data in gone.items():
        (library / name).write_bytes(data)
    assert reconciled(daemon)["differences"] == []


def test_people_read_what_differs_and_how_to_go_on(daemon: Running, book: Workspace) -> None:
    """Every difference with its id, what either side says, and the proposal; wrong questions say what to do."""
    book.fake.row(book.tracks, {"Title": "Nowhere", "YouTube URL": NO_VIDEO})
    time.sleep(0.06)
    shown = daemon.ctl("reconcile", "--dry-run").stdout
    plan = asked(daemon, "reconcile", "--dry-run")
    (one,) = plan["differences"]
    assert f"{one['id']}  Nowhere: The address leads to no video" in shown
    assert "--apply" in shown
    nothing = daemon.ctl("reconcile", "--apply", "nosuchplan")
    assert (nothing.returncode, "musicsyncctl reconcile --dry-run" in nothing.stderr) == (1, True)
    other = daemon.ctl("reconcile", "--apply", plan["plan"], "--only", "0123456789")
    assert (other.returncode, "0123456789" in other.stderr) == (1, True)
    assert daemon.ctl("reconcile", "--only", one["id"]).returncode == 1
    assert daemon.ctl("reconcile", "--dry-run", "--apply", plan["plan"]).returncode == 2
    done = daemon.ctl("reconcile", "--apply", plan["plan"], "--only", one["id"])
    assert (done.returncode, "1 put right" in done.stdout) == (0, True)
    assert "1 row mended" in daemon.ctl("undo").stdout
