"""musicsyncctl doctor where something hangs: every part has its deadline, and the others are told all the same."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.ctl import doctor_here, doctor_network, main
from musicsyncd.ctl.doctor_parts import Check, Part, looked
from musicsyncd.database import DATABASE_NAME
from musicsyncd.errors import NeedsPerson

pytestmark = pytest.mark.usefixtures("nobody_home")
SECRET = "s3cret-of-the-app"


def doctor(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]], str]:
    """The exit status, the checks by name, and everything that was written."""
    status = main(["--config", str(config), "doctor", "--json"])
    said = capsys.readouterr()
    return status, {one["name"]: one for one in json.loads(said.out)["checks"]}, said.out + said.err


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_service_that_never_answers_has_a_deadline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, black_hole: str
) -> None:
    """It fails with what to do; the rest is told; no secret is."""
    monkeypatch.setattr(doctor_network, "DEADLINE", 0.5)
    (tmp_path / "c.toml").write_text(
        f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n[spotify]\nclient_id = "{"a" * 32}"\n'
        f'client_secret = "{SECRET}"\naccounts_base_url = "{black_hole}"\napi_base_url = "{black_hole}"\n'
    )
    status, checks, said = doctor(tmp_path / "c.toml", capsys)
    assert status == 7
    assert checks["Spotify sign-in"]["result"] == checks["Spotify"]["result"] == "fail"
    assert "[http]" in checks["Spotify"]["fix"]
    assert checks["libraries"]["result"] == "ok"
    assert SECRET not in said


def test_nobody_hears_of_us_whom_the_settings_do_not_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any service set up, none is asked."""
    (tmp_path / "c.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n')
    status, checks, _ = doctor(tmp_path / "c.toml", capsys)
    assert status == 0
    assert not {"Spotify", "SoundCloud", "YouTube", "MusicBrainz"}.intersection(checks)
    assert {"clock", "alerts", "service", "database"} <= checks.keys()


def test_a_file_that_hangs_who_opens_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO in the database's place: opening it waits for ever."""
    monkeypatch.setattr(doctor_here, "DATABASE_DEADLINE", 0.5)
    fifo = tmp_path / DATABASE_NAME
    os.mkfifo(fifo)
    (tmp_path / "c.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n')
    try:
        status, checks, _ = doctor(tmp_path / "c.toml", capsys)
    finally:  # let go of whoever hangs
        os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))
    assert status == 7
    assert checks["database"]["result"] == "fail"
    assert checks["daemon"]["said"] == "not running"


def test_parts_that_hang_or_fail_take_no_other_with_them() -> None:
    """In their order: what each found, a sentence for each that did not come to its end."""
    gate = threading.Event()

    def hangs() -> Iterator[Check]:
        yield Check(name="one", result="ok", said="so far")
        gate.wait()

    def needs() -> Iterator[Check]:
        raise NeedsPerson("Nobody is signed in", fix="Sign in")
        yield

    def breaks() -> Iterator[Check]:
        raise RuntimeError("unforeseen")
        yield

    def works() -> Iterator[Check]:
        yield Check(name="four", result="ok", said="well")

    parts = [
        Part(name=name, look=look, deadline=0.2, hung="Kick it")
        for name, look in (("one", hangs), ("two", needs), ("three", breaks), ("four", works))
    ]
    try:
        found = [(one.name, one.result, one.said, one.fix) for one in looked(parts)]
    finally:
        gate.set()
    assert found == [
        ("one", "ok", "so far", ""),
        ("one", "fail", "no answer within 0.2 s", "Kick it"),
        ("two", "fail", "Nobody is signed in", "Sign in"),
        ("three", "fail", "it could not be looked at", ""),
        ("four", "ok", "well", ""),
    ]


def test_volumes_that_were_added_are_known_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand in the database only."""
    (tmp_path / "there").mkdir()
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    connection.execute("CREATE TABLE library_added (name TEXT, path TEXT, added_at TEXT)")
    rows = [("there", str(tmp_path / "there"), ""), ("gone", str(tmp_path / "gone"), "")]
    connection.executemany("INSERT INTO library_added VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    (tmp_path / "c.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n')
    _, checks, _ = doctor(tmp_path / "c.toml", capsys)
    assert (checks["volume there"]["result"], checks["volume gone"]["result"]) == ("ok", "warn")


def test_plans_and_channels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of plans that is not there fails; who only writes the log is told that nobody hears of it."""
    (tmp_path / "c.toml").write_text(
        f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n[plans]\ndir = "{tmp_path}/none"\n'
    )
    status, checks, _ = doctor(tmp_path / "c.toml", capsys)
    assert (status, checks["plans"]["result"], checks["alerts"]["said"]) == (7, "fail", "log")
    assert "Nobody is told" in checks["alerts"]["why"]
