"""All settings as one frozen, typed value, stitched from each room's own section."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from musicsyncd.alerts.section import AlertsSection
from musicsyncd.audio.section import AnalysisSection, OutputSection
from musicsyncd.enrichment.section import EnrichmentSection
from musicsyncd.jobs.section import CapacitySection
from musicsyncd.library.section import EagleSection, VolumeSection
from musicsyncd.notion.section import NotionSection
from musicsyncd.section import Duration, OptionalPlace, Place, Proxy, Section, Size
from musicsyncd.settings.file import Key
from musicsyncd.settings.timezone import check_timezone
from musicsyncd.sources.section import (
    FolderSection,
    InboxSection,
    SoundcloudSection,
    SpotifySection,
    YoutubeSection,
    YtdlpSection,
)
from musicsyncd.sync.section import DuplicatesSection
from musicsyncd.triggers.section import PlansSection, ScheduleSection

HIDDEN: Final = "(hidden)"
BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def _lower(value: object) -> object:
    """PROD and INFO are how the variables of older set-ups spell them."""
    return value.strip().lower() if isinstance(value, str) else value


def _level(value: object) -> object:
    return {"warn": "warning", "fatal": "critical"}.get(str(_lower(value)), _lower(value))


class DaemonSection(Section):
    """The daemon itself."""

    mode: Annotated[Literal["prod", "dev"], BeforeValidator(_lower)] = "prod"
    """prod, or dev with a state folder, a socket and a library of its own; default prod."""
    state_dir: Place
    """Folder of the database and of work under way; default: see `default_state_dir`."""
    socket: Place
    """Path of the control socket; default: see `default_socket`."""
    timezone: Annotated[str, AfterValidator(check_timezone)] = "local"
    """IANA name of the time zone that times of day are meant in; default "local" = the machine's."""
    job_timeout: Duration = Field(10 * 60.0, gt=0)
    """Seconds that one track's job may run; default 10 min."""
    stop_timeout: Duration = 10.0
    """Seconds that running jobs are given to end when the daemon stops; default 10 s."""
    user_slots: int = Field(1, ge=1, le=64)
    """Jobs at a time that only a person's requests may take; default 1."""
    backlog_slots: int = Field(16, ge=1, le=256)
    """Jobs at a time that any request may take; default 16: most of them wait for a download, a core or a volume."""
    history: Duration = 30 * 86400.0
    """Seconds for which ended jobs are kept; default 30 d."""
    memory_ceiling: Size = 1024**3
    """Resident bytes above which the daemon lets running jobs end and has its service manager start it anew; 0 = off;
    default 1 GiB.
    """


class LogSection(Section):
    """What is written down of what the daemon does."""

    level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_level)] = "info"
    """The least severity that is written; default info."""
    format: Literal["auto", "console", "json"] = "auto"
    """How lines on stderr look; default auto = console on a terminal, else json."""
    file: OptionalPlace
    """Path of the log file, always JSON lines; default `musicsyncd.log` in the state folder; "" = none."""
    max_size: Size = Field(10 * 1000**2, ge=10_000)
    """Bytes at which the log file is rotated; default 10 MB."""
    keep: int = Field(5, ge=1, le=1000)
    """Rotated log files that are kept; default 5."""


class HttpSection(Section):
    """How other machines are reached."""

    proxy: Proxy = SecretStr("")
    """URL of a proxy, may hold a password; default "" = none."""
    ca_file: OptionalPlace = None
    """PEM file of certificate authorities to trust instead of the system's; default "" = the system's."""
    timeout: Duration = Field(30.0, gt=0)
    """Seconds to wait for a connection or for the next bytes; default 30 s."""
    trust_env: bool = False
    """Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY count; default false."""


class Settings(Section):
    """Every section. Made by `musicsyncd.settings.load`, which fills in what depends on the machine."""

    daemon: DaemonSection
    log: LogSection
    http: HttpSection
    spotify: SpotifySection
    soundcloud: SoundcloudSection
    youtube: YoutubeSection
    ytdlp: YtdlpSection
    folder: FolderSection
    inbox: tuple[InboxSection, ...]
    output: OutputSection
    notion: NotionSection
    analysis: AnalysisSection
    duplicates: DuplicatesSection
    enrichment: EnrichmentSection
    volumes: tuple[VolumeSection, ...]
    """Never empty: with none configured it holds one volume `library`."""
    eagle: EagleSection
    capacity: CapacitySection
    alerts: AlertsSection
    schedule: ScheduleSection
    plans: PlansSection

    def secrets(self) -> set[str]:
        """The plain text of every secret and of its parts: what a log must never show."""
        secrets: set[str] = set()
        for _, value in leaves(self):
            for secret in secrets_in(value):
                secrets |= {secret, *_credentials(secret)}
        return secrets - {""}


def leaves(settings: BaseModel, at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every key with its value, in the order of the reference; a list of tables is walked entry by entry."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, (*at, name))
        elif table_of(type(settings), name):
            for index, entry in enumerate(value):
                yield from leaves(entry, (*at, name, index))
        else:
            yield (*at, name), value


def secrets_in(value: Any) -> tuple[str, ...]:
    """The plain texts of a key that holds a secret, or a list of them; none for any other key."""
    held = value if isinstance(value, tuple) else (value,)
    return tuple(one.get_secret_value() for one in held if isinstance(one, SecretStr))


def shown(settings: Settings) -> dict[str, Any]:
    """Every dotted key with its value as config.toml spells it; a secret that is set is `(hidden)`."""
    plain = settings.model_dump(mode="json")
    return {dotted(key): _shown(value, _at(key, plain)) for key, value in leaves(settings)}


def _at(key: Key, written: Any) -> Any:
    for part in key:
        written = written[part]
    return written


def _shown(value: Any, written: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN if value else ""
    if secrets_in(value):
        return [HIDDEN for _ in value]
    return "" if value is None else written


def dotted(key: Key) -> str:
    """`volumes[0].path`, as people write a key."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_bare(part)}" for part in key).lstrip(".")


def _bare(part: str) -> str:
    return part if BARE.fullmatch(part) else json.dumps(part)


def table_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a field that is a list of tables."""
    arguments = get_args(model.model_fields[name].annotation)
    entry = arguments[0] if arguments else None
    return entry if isinstance(entry, type) and issubclass(entry, BaseModel) else None


def annotation_of(key: Key, model: type[BaseModel] = Settings) -> Any:
    """What may stand at a key: a model, a tuple of models for a list of tables, a type; None: no such key."""
    name, *rest = (part for part in key if not isinstance(part, int))
    if name not in model.model_fields:
        return None
    annotation = model.model_fields[str(name)].annotation
    if not rest:
        return annotation
    inner = table_of(model, str(name)) or annotation
    return annotation_of(tuple(rest), inner) if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def known_keys(model: type[BaseModel] = Settings, at: str = "") -> Iterator[str]:
    """Every key without indices: `log.level`, `volumes.path`."""
    for name, field in model.model_fields.items():
        inner = table_of(model, name) or field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from known_keys(inner, f"{at}{name}.")
        else:
            yield at + name


def _credentials(url: str) -> set[str]:
    """`user:password` and the password of a URL, as written and as decoded."""
    parts = urlsplit(url)
    userinfo, at, _ = parts.netloc.rpartition("@")
    password = parts.password or ""
    written = {userinfo, password} if at else set()
    return written | {unquote(part) for part in written}
