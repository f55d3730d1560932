"""Questions and answers as checked values. Each answer names its schema, `musicsyncd.<what>/<version>`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Question(BaseModel):
    """What a client sends; an unknown field is an error, so that a misspelt one is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SyncQuestion(Question):
    """`POST /v1/sync`"""

    scope: Literal["url", "next", "unfinished", "incremental", "full", "playlist", "recent"] = "next"
    urls: list[str] = Field(default_factory=list, max_length=1000)
    """For scope `url`: http(s) or file:// URLs, or absolute paths; for `playlist` addresses or names. Each becomes one
    request."""
    source: str = ""
    dry_run: bool = False


class RetryQuestion(Question):
    """`POST /v1/retry`: a step again, without downloading, for one track, for what a query finds, or for everything."""

    step: str = ""
    """`analyze` or `tag`."""
    track: str = ""
    """An id, the beginning of one, or an identity."""
    query: str = Field("", max_length=1000)
    everything: bool = False
    outdated: bool = False
    """Only tracks whose analysis is of an older version."""
    dry_run: bool = False


class VolumeQuestion(Question):
    """`POST /v1/volumes`: make a folder known as the volume of that name."""

    path: str = Field(min_length=1)
    name: str = Field(min_length=1)


class ApplyQuestion(Question):
    """`POST /v1/duplicates/apply`: do what a plan says."""

    plan: str = Field(min_length=1)
    """The id of the job that made it, or the beginning of one."""


class ReconcileQuestion(Question):
    """`POST /v1/reconcile`: hold everything against each other."""

    dry_run: bool = False
    """Only list."""
    apply: str = ""
    """The id of a job that made a plan, or the beginning of one: do what it proposes."""
    only: list[str] = Field(default_factory=list, max_length=1000)
    """With `apply`: these differences of the plan and no others."""


ExportFormat = Literal["csv", "json", "m3u8", "rekordbox"]


class ForgetQuestion(Question):
    """`POST /v1/tracks/{id}/forget`: the track is the owner's own affair from now on."""

    retire: bool = False
    """Whether its files go to the recycle areas and its rows to the trash."""


class UndoQuestion(Question):
    """`POST /v1/undo`: take an operation back."""

    operation: str = Field(min_length=1)
    """The id of the job that did it, or the beginning of one."""


class PauseQuestion(Question):
    """`POST /v1/pause` and `POST /v1/resume`: what begins by itself."""

    what: str = Field("all", min_length=1, max_length=100)
    """`all`, a source, or a job of the clock."""


class SignInQuestion(Question):
    """`POST /v1/auth/{service}`: begin a sign-in."""

    listen: bool = True
    """Whether the daemon waits for the browser on this machine; else the address is to be pasted."""


class FinishQuestion(Question):
    """`POST /v1/auth/{service}/finish`: end a sign-in with the address that the browser was led to."""

    url: str = Field(min_length=1, max_length=10_000, repr=False)


class PinQuestion(Question):
    """`POST /v1/tracks/{id}/pin`: say where the track's audio is."""

    url: str = Field(min_length=1, max_length=2000)


class Answer(BaseModel):
    """What the daemon answers; fields may be added, never taken away, within a schema's version."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class Accepted(Answer):
    """The requests that were written down."""

    schema_: str = Field(default="musicsyncd.accepted/1", alias="schema")
    jobs: list[str]
    notes: list[str] = Field(default_factory=list)
    """What a person should know beside: sentences."""


class ErrorAnswer(Answer):
    """Why a question was not answered."""

    schema_: str = Field(default="musicsyncd.error/1", alias="schema")
    error: dict[str, Any]
    """`MusicsyncError.as_dict`."""
    exit_code: int


class JobAnswer(Answer):
    """One job."""

    schema_: str = Field(default="musicsyncd.job/1", alias="schema")
    id: str
    kind: str
    key: str
    label: str
    """What it is about, for people: a URL or `Artist - Title`."""
    lane: str
    priority: int
    state: str
    attempts: int
    step: str
    not_before: str | None
    reason: dict[str, Any] | None
    result: dict[str, Any] | None
    parent: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    cancelled: int | None = None
    """After a cancel: how many jobs it ended, this one and those of its tracks."""


class JobsAnswer(Answer):
    """Jobs, the newest first."""

    schema_: str = Field(default="musicsyncd.jobs/1", alias="schema")
    jobs: list[JobAnswer]


class PlaylistFile(BaseModel):
    """A playlist with kept tracks, and the name of its file."""

    id: str
    title: str
    tracks: int
    """Those of it that are wanted and known here, not only those with a file."""
    file: str


class PlaylistsAnswer(Answer):
    """Playlists with kept tracks, by title."""

    schema_: str = Field(default="musicsyncd.playlists/1", alias="schema")
    playlists: list[PlaylistFile]


class FileAnswer(Answer):
    """A file that stands on a shelf, as it was read back."""

    volume: str
    format: str
    path: str
    """Absolute where the volume is mounted, else relative to it."""
    size: int
    sha256: str
    seen_at: str


class CountsAnswer(Answer):
    """The tempo and key that tags, names and rows bear, and whose they are: person, dj, file or ours."""

    bpm: float | None
    bpm_origin: str
    bpm_disagrees: str
    """What we hear where that is something else, in words; empty where we agree."""
    key: str
    camelot: str
    key_origin: str
    key_disagrees: str


class PlaylistAnswer(Answer):
    """A playlist that a track is in."""

    id: str
    """`spotify:playlist:…`, `soundcloud:NAME/likes`."""
    title: str


class TrackAnswer(Answer):
    """Everything that is known of one track."""

    schema_: str = Field(default="musicsyncd.track/1", alias="schema")
    id: str
    label: str
    title: str
    artists: list[str]
    album: str
    date: str
    isrc: str
    record_label: str
    catalog_number: str
    origins: dict[str, str]
    """Who filled in what the source did not say, by field: `album`, `date`, `isrc`, `label`, `catalog_number`,
    `artwork`."""
    said: dict[str, dict[str, Any]]
    """The word of each origin on it, our own ears excepted, with `at`; `note` and `trouble` say why it said nothing,
    `software` which program it was, where that is known."""
    source: str
    source_url: str
    identities: list[str]
    playlists: list[PlaylistAnswer]
    state: Literal["standing", "partial", "failed", "duplicate", "unfinished", "skipped", "forgotten"]
    targets: dict[str, str]
    """`standing`, `missing`, or why the target could not be reached, by target."""
    files: list[FileAnswer]
    rows: dict[str, str]
    """The row's id, by catalog target."""
    analysis: dict[str, Any] | None
    """What we heard."""
    counts: CountsAnswer
    source_audio: dict[str, Any] | None
    """Codec, rate, depth and bit rate of the audio as it came."""
    duplicate_of: str | None
    verdict: dict[str, Any] | None
    failure: dict[str, Any] | None
    created_at: str
    settled_at: str | None


class TracksAnswer(Answer):
    """Tracks, the newest first."""

    schema_: str = Field(default="musicsyncd.tracks/1", alias="schema")
    tracks: list[TrackAnswer]


class DuplicateAnswer(Answer):
    """A track that is left out because another is the same recording."""

    track: str
    label: str
    keeper: str
    keeper_label: str
    score: float | None
    """Acoustic likeness, 0 to 1."""
    reason: str


class DuplicatesAnswer(Answer):
    """What is left out, the newest first."""

    schema_: str = Field(default="musicsyncd.duplicates/1", alias="schema")
    duplicates: list[DuplicateAnswer]
    comparable: int
    """Kept files whose track has a fingerprint."""
    kept: int
    """Kept files in all."""


class OperationAnswer(Answer):
    """A job that moved or replaced files."""

    operation: str
    kind: str
    """Its job's kind; empty when the job was forgotten since."""
    at: str
    changes: dict[str, int]
    """How many of each kind it made."""
    undone: int
    open: int
    """How many can still be taken back."""


class OperationsAnswer(Answer):
    """What can be undone, the newest first."""

    schema_: str = Field(default="musicsyncd.operations/1", alias="schema")
    operations: list[OperationAnswer]


class CandidateAnswer(Answer):
    """What a search offered for a track, and what the matcher said of it."""

    source: str
    url: str
    title: str
    artists: list[str]
    uploader: str
    duration: float | None
    """Seconds."""
    plays: int | None
    isrc: str
    score: float
    """0 to 1."""
    verdict: Literal["accept", "review", "refuse"]
    reasons: list[str]
    tried: dict[str, Any] | None
    """Why it was not taken after all: an error."""
    chosen: bool


class MatchAnswer(Answer):
    """Where the audio of one track comes from, and why."""

    schema_: str = Field(default="musicsyncd.match/1", alias="schema")
    track: str
    label: str
    duration: float | None
    source: str
    state: Literal["own", "pinned", "chosen", "undecided", "nothing", "not searched"]
    """`own`: the track's own source has its audio; `undecided`: a person has to say which candidate it is."""
    pin: str
    searched_at: str
    troubles: list[str]
    """Sources that could not be asked."""
    candidates: list[CandidateAnswer]
    """Best first."""


class MatchesAnswer(Answer):
    """Tracks for whose audio a person has to say which candidate it is, the latest search first."""

    schema_: str = Field(default="musicsyncd.matches/1", alias="schema")
    matches: list[MatchAnswer]


class TrackReport(Answer):
    """How one track asked for ended."""

    track: str
    label: str
    job: str | None
    state: str
    """A job's state, or `standing` / `duplicate` when there was nothing to do, or `planned` in a dry run."""
    note: str
    actions: list[dict[str, Any]]
    reason: dict[str, Any] | None
    details: TrackAnswer | None


class Report(Answer):
    """How a request ended, or how far it is. The last thing that `sync --wait` prints."""

    schema_: str = Field(default="musicsyncd.report/1", alias="schema")
    job: str
    scope: str
    url: str
    state: str
    settled: bool
    """Nothing more will happen by itself now: every job has ended or waits for a later try."""
    exit_code: int
    summary: str
    tracks: list[TrackReport]
    refused: list[dict[str, Any]]
    rungs: list[dict[str, Any]]
    reason: dict[str, Any] | None


class SignInAnswer(Answer):
    """Where a person goes on with a sign-in."""

    schema_: str = Field(default="musicsyncd.sign-in/1", alias="schema")
    url: str
    redirect_uri: str
    until: str
