"""The client is written without the models it speaks of: here both ends are held together."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from musicsyncd.control import messages, messages_alerts, messages_status
from musicsyncd.control.messages import PauseQuestion, RetryQuestion, SyncQuestion, VolumeQuestion
from musicsyncd.control.report import event_dict
from musicsyncd.ctl import main, trial
from musicsyncd.errors import BadInput
from musicsyncd.jobs.job import JobEvent, JobState
from musicsyncd.sync.actions import Action, Verb

CTL = "musicsyncd.ctl.asking.Client"
EVENT: dict[str, Any] = {
    "schema": "musicsyncd.event/1", "job": "1", "kind": "track", "key": "t", "parent": None, "label": "A - B",
    "event": "ended", "state": "done", "at": "2026-01-01T00:00:00.000+00:00", "step": "", "share": None, "text": "",
}  # fmt: skip


ERROR = BadInput("No such song").as_dict()
REFUSED = {"name": "x.wav", "error": ERROR}
LENIENT = frozenset({"delay", "partial", "duplicate_of", "job", "not_before", "reason", "note", "what", "why", "fix"})
"""Keys of free-form fields that may be missing."""
FREE: dict[str, Any] = {
    "reason": ERROR,
    "failure": ERROR,
    "refused": [REFUSED],
    "rungs": [{"source": "folder", "said": "offers nothing"}],
    "actions": [Action(verb=Verb.FETCH, target="volume:x", parts=("wav",), why="lacks it").as_dict()],
    "result": {"tracks": [], "refused": [REFUSED]},
    "origins": dict.fromkeys(("album", "date", "isrc", "label", "catalog_number", "artwork"), "musicbrainz"),
    "said": {"acoustid": {"trouble": "AcoustID cannot be asked.", "note": "", "at": "2026-01-01T00:00:00.000+00:00"}},
    "paused": {"all": EVENT["at"]},
    "next": {"incremental": EVENT["at"]},
    "verdict": {"reason": "they sound the same"},
    "source_audio": {
        "codec": "aac",
        "sample_rate": 44100,
        "bit_rate": 256000,
        "lossless": False,
        "warnings": ["1 of 9 packets was damaged and left out"],
    },
    "analysis": {
        "bpm": 120.0,
        "key": "Am",
        "camelot": "8A",
        "integrated_lufs": -9.0,
        "cutoff_hz": 16000.0,
        "lossless_honest": False,
    },
}
"""What fields of a free form hold, as the rooms that fill them do."""


class Read(dict[str, Any]):
    """A full answer that knows its model: asking it for a field that the model has not is a test failure."""

    def __missing__(self, key: str) -> Any:
        raise AssertionError(f"ctl reads {key!r}, which no answer has")

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key not in LENIENT else super().get(key, default)


def full(model: type[BaseModel]) -> Read:
    """An answer of that model with something in every field."""
    known, hints = special(model), get_type_hints(model)
    filled = {name: value_of(hints[name]) for name in model.model_fields if name not in known}
    return Read(strict(model.model_validate(known | filled).model_dump(mode="json")))


def special(model: type[BaseModel]) -> dict[str, Any]:
    """Fields whose values mean something, and those of a free form."""
    schema = model.model_fields.get("schema_")
    values: dict[str, Any] = {"schema_": schema.default} if schema else {}
    ends = ("_at", "_before", "_due", "_until", "_since")
    moments = {name: EVENT["at"] for name in model.model_fields if name.endswith(ends)}
    if model is messages_status.StatusAnswer:
        values["tracks"] = dict.fromkeys(("tracks", "duplicates", "failed", "parked", "standing", "skipped"), 1)
    return values | moments | {name: value for name, value in FREE.items() if name in model.model_fields}


def value_of(kind: Any) -> Any:
    """A value of a field's type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return full(kind)
    arguments = [one for one in get_args(kind) if one is not type(None)]
    if getattr(kind, "__origin__", None) is list:
        return [value_of(arguments[0])]
    if getattr(kind, "__origin__", None) is dict:
        return {"volume:x": value_of(arguments[1])}
    if arguments:
        return value_of(arguments[0]) if not isinstance(arguments[0], str) else arguments[0]
    return {str: "x", int: 1, float: 1.0, bool: True}[kind]


def strict(value: Any) -> Any:
    """The same with every dict a `Read`."""
    if isinstance(value, dict) and value:
        return Read({key: strict(item) for key, item in value.items()})
    return [strict(item) for item in value] if isinstance(value, list) else value


class Recorder:
    """Stands for the client: keeps the questions, answers with full models."""

    asked: list[tuple[str, str, Any]]
    daemon_version = ""

    def __init__(self, *_: Any) -> None:
        self.asked = ASKED

    def get(self, resource: str) -> Any:
        self.asked.append(("GET", resource, None))
        return full(ANSWERS[resource.partition("?")[0].split("/")[2 if resource.count("/") == 2 else -1]])

    def post(self, resource: str, body: Any = None) -> Any:
        self.asked.append(("POST", resource, body))
        return full(ANSWERS[resource.rpartition("/")[2]])

    def events(self, resource: str) -> Any:
        self.asked.append(("GET", resource, None))
        yield "step", Read(EVENT | {"share": 0.5})
        yield "ended", Read(EVENT)
        if "job=" in resource:
            yield "report", full(messages.Report)


ASKED: list[tuple[str, str, Any]] = []
ANSWERS: dict[str, type[BaseModel]] = {
    "status": messages_status.StatusAnswer,
    "jobs": messages.JobsAnswer,
    "j1": messages.JobAnswer,
    "cancel": messages.JobAnswer,
    "report": messages.Report,
    "tracks": messages.TracksAnswer,
    "t1": messages.TrackAnswer,
    "volumes": messages_status.VolumesAnswer,
    "remove": messages_status.VolumesAnswer,
    "sync": messages.Accepted,
    "retry": messages.Accepted,
    "pause": messages_status.PauseAnswer,
    "resume": messages_status.PauseAnswer,
}


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command talks to the recorder."""
    ASKED.clear()
    monkeypatch.setattr(CTL, Recorder)


@pytest.mark.parametrize(
    "command",
    [
        "status", "jobs", "jobs show j1", "jobs cancel j1", "tracks", "tracks show t1", "tracks retry t1",
        "tracks retry t1 --wait", "tracks retry t1 --step tag", "tracks retry --all --step tag --wait", "volumes",
        "volumes add /a b", "volumes remove b", "sync", "sync --wait", "sync --dry-run --url /a", "events", "version",
        "pause", "pause soundcloud", "resume",
    ],
)  # fmt: skip
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["people", "program"])
def test_a_command_reads_only_what_answers_have(command: str, flags: list[str]) -> None:
    """Each printing command runs over an answer with every field filled; one that no model has would fail it."""
    assert main(["--socket", "/nowhere", *command.split(), *flags]) in (0, 1, 3)
    assert ASKED


@pytest.mark.parametrize(
    "command",
    ["sync", "sync --incremental", "sync --full --source folder", "sync --url /a b://c", "sync --dry-run"],
)  # fmt: skip
def test_a_question_of_the_clients_is_one_of_the_daemons(command: str) -> None:
    """What `sync` posts passes the model that the daemon checks it with."""
    main(command.split())
    method, resource, body = ASKED[0]
    assert (method, resource) == ("POST", "/v1/sync")
    assert SyncQuestion.model_validate(body).model_dump() == body


@pytest.mark.parametrize(("command", "what"), [("pause", "all"), ("resume", "all"), ("pause folder", "folder")])
def test_a_pause_is_asked_for_in_the_daemons_words(command: str, what: str) -> None:
    """What `pause` and `resume` post passes their model."""
    main(["--socket", "/nowhere", *command.split()])
    method, resource, body = ASKED[0]
    assert (method, resource) == ("POST", f"/v1/{command.split()[0]}")
    assert PauseQuestion.model_validate(body).what == what


@pytest.mark.parametrize(
    "command",
    ["t1 --step tag", "--query a b --step analyze --outdated", "--all --step analyze --dry-run"],
)
def test_a_retry_is_asked_for_in_the_daemons_words(command: str) -> None:
    """What `tracks retry --step` posts passes its model."""
    main(["--socket", "/nowhere", "tracks", "retry", *command.split()])
    method, resource, body = ASKED[0]
    assert (method, resource) == ("POST", "/v1/retry")
    assert RetryQuestion.model_validate(body).model_dump() == body


def test_a_volume_is_asked_for_in_the_daemons_words() -> None:
    """What `volumes add` posts passes its model."""
    main(["volumes", "add", "/a", "b"])
    assert VolumeQuestion.model_validate(ASKED[0][2]).model_dump() == {"path": "/a", "name": "b"}


def test_a_name_of_a_volume_is_one_part_of_the_address() -> None:
    """Whatever a person types leads to no other route."""
    main(["volumes", "remove", "a/../b?c"])
    assert ASKED[0][:2] == ("POST", "/v1/volumes/a%2F..%2Fb%3Fc/remove")


def test_playlists_are_named_as_they_are() -> None:
    """A name is no path, and a URI neither."""
    main(["sync", "--playlist", "Warm Up", "spotify:playlist:x"])
    main(["sync", "--url", "spotify:track:x"])
    questions = [SyncQuestion.model_validate(one[2]) for one in ASKED if one[1] == "/v1/sync"]
    assert [(one.scope, one.urls) for one in questions] == [
        ("playlist", ["Warm Up", "spotify:playlist:x"]),
        ("url", ["spotify:track:x"]),
    ]


def test_what_was_wrong_with_a_source_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the source's warnings is a line of `tracks show`."""
    main(["tracks", "show", "t1"])
    assert re.search(r"^warning +1 of 9 packets was damaged and left out$", capsys.readouterr().out, re.MULTILINE)


def test_who_said_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fact with its origin, and why a service said nothing."""
    main(["tracks", "show", "t1"])
    told = capsys.readouterr().out
    for line in ("label +x  \\(musicbrainz\\)", "artwork +\\(musicbrainz\\)", "acoustid +AcoustID cannot be asked\\."):
        assert re.search(f"^{line}$", told, re.MULTILINE), line


def test_a_trial_shows_what_reports_have(capsys: pytest.CaptureFixture[str]) -> None:
    """Kept, duplicate and refused lines are read from the report's own fields."""
    report = full(messages.Report)
    trial.print_result(report)
    for state in ("duplicate", "failed"):
        trial.print_result(Read(report | {"tracks": [Read(report["tracks"][0] | {"state": state})]}))
    assert "the same recording as" in capsys.readouterr().out


def test_every_answer_names_its_schema_once() -> None:
    """`musicsyncd.<what>/<version>`, different for every answer, under the key `schema`."""
    names = {**vars(messages), **vars(messages_status), **vars(messages_alerts)}
    models = [one for one in names.values() if isinstance(one, type) and issubclass(one, messages.Answer)]
    named = [one.model_fields["schema_"].default for one in models if "schema_" in one.model_fields]
    assert len(named) == len(set(named)) >= 9
    assert all(name.startswith("musicsyncd.") and name.endswith("/1") for name in named)
    assert full(messages_status.StatusAnswer)["schema"] == "musicsyncd.status/1"


def test_help_lists_the_states_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """`jobs --state` names every state of the queue."""
    with pytest.raises(SystemExit):
        main(["jobs", "--help"])
    told = capsys.readouterr().out
    assert [state for state in JobState if state not in told] == []


def test_the_event_that_ctl_reads_is_the_one_that_is_sent() -> None:
    """The example that these tests print has the fields that the daemon writes."""
    event = JobEvent(
        job="1", kind="track", key="t", parent=None, event="ended", state=JobState.DONE, at=datetime.now(UTC)
    )
    assert event_dict(event, "A - B").keys() == EVENT.keys()
