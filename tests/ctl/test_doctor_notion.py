"""musicsyncctl doctor before a Notion: each way in which a database can be wrong, told apart, with what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.ctl import main
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace

pytestmark = pytest.mark.usefixtures("nobody_home")

Checks = dict[str, dict[str, str]]


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        yield music_workspace(fake)
        assert fake.faults == []


@pytest.fixture
def config(tmp_path: Path, ws: Workspace) -> Path:
    """Where the fake is, and a rate at which nobody waits."""
    path = tmp_path / "c.toml"
    path.write_text(f'[notion]\nbase_url = "{ws.fake.url}"\nrequests_per_second = 100\n')
    return path


def doctor(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Checks]:
    """The exit status, and what was said of Notion, by name."""
    status = main(["--config", str(config), "doctor", "--json"])
    said = capsys.readouterr()
    assert said.err == ""
    checks = json.loads(said.out)["checks"]
    return status, {check["name"]: check for check in checks if check["name"].startswith("notion")}


def setup(monkeypatch: pytest.MonkeyPatch, ws: Workspace, **more: str) -> None:
    for name, value in (ws.environment() | more).items():
        monkeypatch.setenv(name, value)


def test_nothing_is_set_up(config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace) -> None:
    """One line, no fault, and nobody is asked."""
    status, checks = doctor(config, capsys)
    assert status == 0
    assert [(name, check["result"], check["said"]) for name, check in checks.items()] == [
        ("notion", "ok", "not set up")
    ]
    assert ws.fake.requests == []


def test_all_is_well(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for the token and for each database; nothing is written."""
    setup(monkeypatch, ws)
    status, checks = doctor(config, capsys)
    assert status == 0
    assert {name: check["result"] for name, check in checks.items()} == dict.fromkeys(
        ("notion token", "notion tracks_db", "notion artists_db", "notion playlists_db", "notion tasks_db",
         "notion issues_db"), "ok",
    )  # fmt: skip
    assert {one.method for one in ws.fake.requests} == {"GET"}


def break_it(ws: Workspace, way: str) -> dict[str, str]:
    """Make one thing wrong; the variables that say so."""
    match way:
        case "bad token":
            return {"NOTION_TOKEN": "ntn_wrong"}
        case "no access":
            for database in (ws.tracks, ws.artists, ws.playlists, ws.agents, ws.tasks, ws.issues, ws.config):
                ws.fake.share(database, shared=False)
        case "wrong id":
            return {"TRACKS_DB_ID": "12345678" * 4}
        case "data source id":
            return {"TRACKS_DB_ID": ws.tracks.data_source_id}
        case "missing property":
            ws.fake.delete_property(ws.tracks, "Downloaded")
        case "wrong type":
            ws.fake.retype_property(ws.tracks, "Downloaded", "number")
    return {}


@pytest.mark.parametrize(
    ("way", "name", "said", "do"),
    [
        ("bad token", "notion token", "does not accept the token", "into notion.token"),
        ("no access", "notion tracks_db", "cannot be seen", "add the connection"),
        (
            "wrong id",
            "notion tracks_db",
            "There is no database 12345678-1234-5678-1234-567812345678",
            "notion.tracks_db",
        ),
        ("data source id", "notion tracks_db", "is a data source, not a database", "Use the database's id: "),
        ("missing property", "notion tracks_db", "has no property 'Downloaded'", "Add a checkbox property"),
        ("wrong type", "notion tracks_db", "is of the type number", "Change its type"),
    ],
)
def test_what_is_wrong_is_told_apart(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    ws: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    name: str,
    said: str,
    do: str,
) -> None:
    """Exit 7, one failure in words of its own, and what to do."""
    setup(monkeypatch, ws, **break_it(ws, way))
    for other in ("ARTISTS_DB_ID", "PLAYLISTS_DB_ID", "AGENT_TASKS_DB_ID", "ISSUES_DB_ID"):
        monkeypatch.delenv(other)
    status, checks = doctor(config, capsys)
    failed = {name: check for name, check in checks.items() if check["result"] == "fail"}
    assert (status, list(failed)) == (7, [name])
    assert said in failed[name]["said"]
    assert do in failed[name]["fix"]


def test_half_a_setup(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases without a token fail; a token without tracks is a warning."""
    monkeypatch.setenv("TRACKS_DB_ID", ws.tracks.id)
    status, checks = doctor(config, capsys)
    assert (status, checks["notion"]["result"], "NOTION_TOKEN" in checks["notion"]["fix"]) == (7, "fail", True)
    monkeypatch.delenv("TRACKS_DB_ID")
    monkeypatch.setenv("NOTION_TOKEN", ws.fake.token)
    status, checks = doctor(config, capsys)
    assert (status, checks["notion"]["result"], checks["notion token"]["result"]) == (0, "warn", "ok")


def test_a_field_that_stays_away_is_a_warning(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key as a number, as a row's older owner made it: the rest is written all the same."""
    setup(monkeypatch, ws)
    ws.fake.retype_property(ws.tracks, "Key", "number")
    assert main(["--config", str(config), "doctor"]) == 0
    out = capsys.readouterr().out
    assert "warn  notion tracks_db     The property 'Key' of 'Music Tracks' is of the type number" in out


def test_notion_is_away(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure with its reason, in time."""
    setup(monkeypatch, ws, MUSICSYNCD_NOTION__BASE_URL="http://127.0.0.1:9")
    status, checks = doctor(config, capsys)
    assert (status, list(checks)) == (7, ["notion token"])
    assert "No connection could be made" in checks["notion token"]["why"]


def test_notion_tells_nothing_in_time(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of doctor does not wait for it."""
    setup(monkeypatch, ws)
    monkeypatch.setattr("musicsyncd.ctl.doctor.NOTION_DEADLINE", 0.3)
    ws.fake.fail("timeout", times=100)
    _, checks = doctor(config, capsys)
    assert (checks["notion token"]["result"], "did not tell" in checks["notion token"]["said"]) == ("warn", True)


def test_dev_mode_says_that_it_does_not_write(
    config: Path, capsys: pytest.CaptureFixture[str], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks all the same."""
    setup(monkeypatch, ws, MUSICSYNCD_MODE="dev")
    _, checks = doctor(config, capsys)
    assert "not written to" in checks["notion"]["said"]
    assert checks["notion tracks_db"]["result"] == "ok"


def test_the_token_is_shown_nowhere(config: Path, ws: Workspace) -> None:
    """Neither on the terminal nor in an error, as a process of its own says it."""
    environ: dict[str, Any] = {**os.environ, **ws.environment()}
    for token in (ws.fake.token, "ntn_canary5f1e"):
        code = "import sys; from musicsyncd.ctl import main; sys.exit(main(sys.argv[1:]))"
        asked = [sys.executable, "-c", code, "--config", str(config), "doctor"]
        done = subprocess.run(asked, capture_output=True, text=True, env=environ | {"NOTION_TOKEN": token}, check=False)
        assert done.returncode == (0 if token == ws.fake.token else 7)
        assert "notion t" in done.stdout
        assert token not in done.stdout + done.stderr
