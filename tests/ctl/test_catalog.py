"""musicsyncctl catalog before a Notion: a set of databases that is made once, and what is said of any."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.ctl import main
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace

pytestmark = pytest.mark.usefixtures("nobody_home")
KINDS = ("artists", "playlists", "tracks", "tasks", "issues", "config")


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found
        assert found.faults == []


@pytest.fixture
def config(tmp_path: Path, fake: NotionFake, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOTION_TOKEN", fake.token)
    path = tmp_path / "c.toml"
    path.write_text(f'[notion]\nbase_url = "{fake.url}"\nrequests_per_second = 100\nlag = 0\n')
    return path


@pytest.fixture
def page(fake: NotionFake) -> str:
    """A page of the owner's, that is shared."""
    return fake.row(fake.database("Pages", {"Name": "title"}), Name="Music")


def ids(out: str) -> dict[str, str]:
    """Of the databases that the printed lines name."""
    found: dict[str, str] = tomllib.loads(out)["notion"]
    return {name.removesuffix("_db"): id_ for name, id_ in found.items()}


def catalog(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["--config", str(config), "catalog", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def writes(fake: NotionFake) -> list[str]:
    return [f"{one.method} {one.path}" for one in fake.requests if one.method in ("POST", "PATCH")
            and not one.path.endswith(("/query", "/search"))]  # fmt: skip


def test_a_set_is_made_once(fake: NotionFake, config: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All six, with relations between them and rows of schedules; asked again, nothing is made or changed."""
    status, out, _ = catalog(config, capsys, "init", f"https://www.notion.so/Music-{page.replace('-', '')}?pvs=4")
    assert (status, tuple(ids(out))) == (0, KINDS)
    made = ids(out)
    sources = {kind: fake.store.sources[fake.store.bases[id_].sources[0]] for kind, id_ in made.items()}
    tracks = sources["tracks"].props
    assert (tracks["Artist"].target, tracks["Playlists"].target) == (sources["artists"].id, sources["playlists"].id)
    assert (tracks["External Key"].kind, tracks["Downloaded"].kind) == ("rich_text", "checkbox")
    assert sources["issues"].props["Agent-Tasks"].target == sources["tasks"].id
    assert fake.options(sources["tasks"].id, "Status") == ["Not Started", "In Progress", "Completed"]
    rows = {row["Name"]: row for row in fake.pages(sources["config"].id)}
    assert set(rows) == {"incremental", "full", "reconcile"}
    assert (rows["incremental"]["Sync Interval"], rows["full"]["Cron"]) == (5, "03:00")
    assert all(row["Sync Enabled"] and row["Cron Active"] and row["Trigger Type"] == "Cron" for row in rows.values())
    before = writes(fake)
    status, again, _ = catalog(config, capsys, "init", page)
    assert (status, ids(again), "was there" in again) == (0, made, True)
    assert writes(fake) == before
    with config.open("a") as file:
        file.write("\n".join(again.splitlines()[1:]))
    assert catalog(config, capsys, "check")[0] == 0


@pytest.mark.parametrize("fails", range(9))
def test_half_a_set_is_found_again_and_completed(
    fake: NotionFake, config: Path, page: str, capsys: pytest.CaptureFixture[str], fails: int
) -> None:
    """Wherever it broke off, also behind an answer that was lost: there is one of each at the end."""
    seen = iter(range(100))
    kind = "applied_drop" if fails % 2 else "502"

    def nth(asked: Any) -> bool:
        return asked.writes and next(seen) == fails

    fake.fail(kind, where=nth)
    first, _, _ = catalog(config, capsys, "init", page)
    assert first in (0, 5)
    status, out, _ = catalog(config, capsys, "init", page)
    assert (status, tuple(ids(out))) == (0, KINDS)
    below = [block["child_database"]["title"] for block in fake.body(page)]
    assert len(below) == len(set(below)) == len(KINDS)
    names = [row["Name"] for row in fake.pages(fake.store.bases[ids(out)["config"]].sources[0])]
    assert sorted(names) == ["full", "incremental", "reconcile"]


def test_a_database_that_a_person_made_is_taken_as_it_is(
    fake: NotionFake, config: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its schema is not altered, not even by an option."""
    catalog(config, capsys, "init", page)
    (block,) = (one for one in fake.body(page) if one["child_database"]["title"] == "Sync Configuration")
    source = fake.store.bases[block["id"]].sources[0]
    for name in ("Trigger Type", "Sync Interval"):
        fake.delete_property(source, name)
    fake.add_property(source, "Trigger Type", ("select", ["By hand"]))
    for row in fake.pages(source):
        fake.trash(row.id)
    before = list(fake.store.sources[source].props)
    status, out, _ = catalog(config, capsys, "init", page)
    assert (status, "now with 3 rows" in out) == (0, True)
    assert list(fake.store.sources[source].props) == before
    assert fake.options(source, "Trigger Type") == ["By hand"]
    assert fake.refusals == []


def test_where_nobody_says_which_page(
    fake: NotionFake, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no page, none, and no token: each with what to do, and nothing is made."""
    for words, said in (((), "No page is shared"), (("music",), "is no page")):
        status, _, err = catalog(config, capsys, "init", *words)
        assert (status != 0, said in err) == (True, True)
    monkeypatch.delenv("NOTION_TOKEN")
    status, _, err = catalog(config, capsys, "init", "1" * 32)
    assert (status, "NOTION_TOKEN" in err) == (7, True)
    assert writes(fake) == []


@pytest.fixture
def ws(fake: NotionFake, config: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    found = music_workspace(fake)
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    return found


def test_check_says_which_property_holds_what(ws: Workspace, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each field with its property and type, what is missing, and what has the wrong type and is dropped."""
    ws.fake.retype_property(ws.tracks, "Key", "number")
    ws.fake.rename_property(ws.tracks, "Tempo", "Pulse")
    with config.open("a") as file:
        file.write('properties = { label = "Imprint" }\n')
    status, out, _ = catalog(config, capsys, "check", "--json")
    told = json.loads(out)
    fields = {(one["database"], one["field"]): one for one in told["fields"]}
    assert status == 0
    title = fields["tracks_db", "title"]
    assert (title["state"], title["property"], title["type"], title["override"]) == ("held", "Title", "title", "")
    assert fields["tasks_db", "title"]["property"] == "Task Name"
    key, bpm, label = (fields["tracks_db", name] for name in ("key", "bpm", "label"))
    assert (key["state"], key["type"], key["wants"]) == ("wrong type", "number", "select or rich text or multi select")
    assert (bpm["state"], bpm["property"], bpm["override"]) == ("missing", "Tempo", 'notion.properties = { bpm = "…" }')
    assert (label["state"], label["property"]) == ("missing", "Imprint")
    assert [one["kind"] for one in told["findings"] if not one["ok"]] == ["missing property", "wrong type"]
    assert writes(ws.fake) == []
    status, out, _ = catalog(config, capsys, "check")
    lines = {tuple(line.split()[:2]): line for line in out.splitlines() if line}
    assert "wrong type, nothing is written there" in lines["tracks_db", "key"]
    assert "notion.properties = {" in out


def test_check_of_what_is_in_the_way(ws: Workspace, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 7, and what can be seen is said all the same."""
    ws.fake.delete_property(ws.tracks, "Downloaded")
    ws.fake.share(ws.tasks, shared=False)
    status, out, _ = catalog(config, capsys, "check")
    assert (status, out.count("FAIL")) == (7, 2)
    assert "missing, and needed" in out
    assert "issues_db" in out


def test_no_databases_are_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both ways to go on."""
    status, _, err = catalog(config, capsys, "check")
    assert (status != 0, "catalog init" in err) == (True, True)


def test_help_loads_no_client_of_notion() -> None:
    """Reading verbs start at once."""
    code = (
        "import sys\nfrom musicsyncd.ctl import main\n"
        "try: main(['catalog', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('pydantic', 'httpx', 'anyio', 'notion_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
