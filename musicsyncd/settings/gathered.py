"""What file, environment and flags say, laid over each other, with where each value came from."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from musicsyncd.section import absolute_path
from musicsyncd.settings.file import Key
from musicsyncd.settings.model import Settings, annotation_of, known_keys, table_of

PREFIX: Final = "MUSICSYNCD_"
RESERVED: Final = frozenset({"MUSICSYNCD_CONFIG", "MUSICSYNCD_CRASH_AT"})
"""Variables of ours that are no settings: where the settings are, and when a test wants us dead."""
SHORT: Final = {"MUSICSYNCD_MODE": "daemon.mode", "MUSICSYNCD_SOCKET": "daemon.socket"}
"""Variables that the client reads too, and that therefore have names without a section."""
ALIASES: Final[Mapping[str, str | None]] = {
    "LOG_LEVEL": "log.level",
    "NOTION_API_KEY": "notion.token",
    "NOTION_TOKEN": "notion.token",
    "TRACKS_DB_ID": "notion.tracks_db",
    "ARTISTS_DB_ID": "notion.artists_db",
    "PLAYLISTS_DB_ID": "notion.playlists_db",
    "AGENT_TASKS_DB_ID": "notion.tasks_db",
    "ISSUES_DB_ID": "notion.issues_db",
    "CURSOR_MM1_AGENT_ID": "notion.tasks_assignee",
    "SPOTIFY_CLIENT_ID": "spotify.client_id",
    "SPOTIFY_CLIENT_SECRET": "spotify.client_secret",
    "SOUNDCLOUD_PROFILE": "soundcloud.profile",
    "GAS_WEBHOOK_URL": None,
    "EAGLE_API_BASE": "eagle.base_url",
    "EAGLE_TOKEN": "eagle.token",
    "EAGLE_LIBRARY_PATH": "eagle.library",
}
"""Variables of older set-ups and the keys they set; None: known, but nothing in this version reads it."""
TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a value came from."""

    name: str
    """For a list of settings: `config.toml:12`, `environment LOG_LEVEL (alias)`, `flag --mode`, `default`."""
    place: str
    """For an error: the same with the file's whole path."""
    line: int = 0
    """In the file, from 1; 0 elsewhere."""
    inherited: bool = False
    """Whether another key gave the value, which is then checked there."""


DEFAULT: Final = Origin(name="default", place="default")


@dataclass(kw_only=True)
class Gathered:
    """The values so far, unchecked; what is added later overrules."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, Origin] = field(default_factory=dict)

    def add_file(self, tree: dict[str, Any], lines: Mapping[Key, int], path: Path) -> None:
        """What a parsed file says; `lines` as `file.locate` gives them."""
        self.tree = {name: _tuples(value) for name, value in tree.items()}
        for key, line in lines.items():
            self.origins[key] = Origin(name=f"{path.name}:{line}", place=f"{path}:{line}", line=line)

    def put(self, key: Key, value: Any, origin: Origin) -> None:
        """Set one key. Where the file has no table on the way, that error is left to be found."""
        *way, last = key
        table: Any = self.tree
        for part in way:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table[last] = value
            for stale in [old for old in self.origins if old[: len(key)] == key]:
                del self.origins[stale]
            self.origins[key] = origin

    def default(self, key: Key, value: Any, origin: Origin = DEFAULT) -> None:
        """Set one key if nothing has set it."""
        if self.get(key) is None:
            self.put(key, value, origin)

    def get(self, key: Key) -> Any:
        """The value at a key, None when there is none."""
        value: Any = self.tree
        for part in key:
            value = _inside(value, part)
        return value

    def source(self, key: Key) -> Origin:
        """Where the value at a key came from."""
        return DEFAULT if self.get(key) is None else self.origin(key)

    def origin(self, key: Key) -> Origin:
        """Where to look for a fault at a key: at the key itself, or at the nearest table around it."""
        while key and key not in self.origins:
            key = key[:-1]
        return self.origins.get(key, DEFAULT)


def add_environment(gathered: Gathered, environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What the variables say, those without a section last. Returns errors and warnings, a sentence each."""
    errors: list[str] = []
    warnings: list[str] = []
    for variable, key in ALIASES.items():
        if key and environ.get(variable):
            put_text(gathered, key, environ[variable], _variable(variable, alias=True))
            warnings += _overruled(variable, key, environ)
    known = variables()
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable in known:
            put_text(gathered, known[variable], environ[variable], _variable(variable))
        elif "__" in variable:
            errors.append(_no_key(variable, known))
        elif variable not in RESERVED and variable not in SHORT:
            warnings.append(f"The variable {variable} is no setting of musicsyncd and has no effect.")
    for variable, key in SHORT.items():
        if environ.get(variable):
            put_text(gathered, key, environ[variable], _variable(variable))
    return errors, warnings


def add_overrides(gathered: Gathered, overrides: Mapping[str, Any]) -> list[str]:
    """What flags say, by dotted key; None means that the flag was not given. Returns errors."""
    errors: list[str] = []
    for key, value in overrides.items():
        flag = f"flag --{key.rpartition('.')[2].replace('_', '-')}"
        if annotation_of(tuple(key.split("."))) is None:
            errors.append(f"{flag}: {key} is no key of the settings.")
        elif isinstance(value, str):
            put_text(gathered, key, value, Origin(name=flag, place=flag))
        elif value is not None:
            gathered.put(tuple(key.split(".")), _tuples(value), Origin(name=flag, place=flag))
    return errors


def unread(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of older set-ups that nothing in this version reads; not its value."""
    return [
        f"{variable} is set, and is recognised; this version has nothing that uses it."
        for variable, key in ALIASES.items()
        if key is None and environ.get(variable)
    ]


def variables() -> dict[str, str]:
    """Each variable that sets a key, and the key; lists of tables have one variable as a whole."""
    whole = {name for name in Settings.model_fields if table_of(Settings, name)}
    keys = [key for key in known_keys() if key.partition(".")[0] not in whole]
    return {PREFIX + key.replace(".", "__").upper(): key for key in (*keys, *sorted(whole))}


def from_text(annotation: Any, text: str) -> Any:
    """What a text means where a value of this type is wanted; the text itself when it means none.

    A relative path is taken from the working folder, as everything on a command line is.
    """
    if text and annotation in (Path, Path | None):
        with suppress(ValueError):
            return absolute_path(text, Path.cwd())
    if annotation is bool:
        word = text.strip().lower()
        return True if word in TRUE else False if word in FALSE else text
    if get_origin(annotation) is tuple:
        return _list(text)
    if get_origin(annotation) is dict:
        return _table(text)
    numeric = annotation in (int, float) or any(isinstance(choice, int) for choice in _choices(annotation))
    if not numeric or text in _choices(annotation):
        return text
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, tuple):
        return value[part] if isinstance(part, int) and part < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _list(text: str) -> Any:
    """A list written as JSON, as TOML, or as words between commas."""
    if not text.strip().startswith("["):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    for parse in (json.loads, lambda written: tomllib.loads(f"list = {written}")["list"]):
        try:
            return _tuples(parse(text))
        except (ValueError, RecursionError):
            continue
    return text


def _table(text: str) -> Any:
    """A table written as JSON or as TOML's inline table; an empty text is an empty one."""
    for parse in (json.loads, lambda written: tomllib.loads(f"table = {written}")["table"]):
        try:
            return _tuples(parse(text or "{}"))
        except (ValueError, RecursionError):
            continue
    return text


def _tuples(value: Any) -> Any:
    """The value with tuples for lists: what a frozen model holds."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def put_text(gathered: Gathered, key: str, text: str, origin: Origin) -> None:
    """Set a dotted key to what a text means there."""
    parts = tuple(key.split("."))
    gathered.put(parts, from_text(annotation_of(parts), text), origin)


def _variable(name: str, *, alias: bool = False) -> Origin:
    shown = f"environment {name}{' (alias)' if alias else ''}"
    return Origin(name=shown, place=shown)


def _overruled(variable: str, key: str, environ: Mapping[str, str]) -> list[str]:
    full = PREFIX + key.replace(".", "__").upper()
    if environ.get(full, environ[variable]) == environ[variable]:
        return []
    return [f"{variable} has no effect: {full} is set too, and says otherwise."]


def _no_key(variable: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "its form is MUSICSYNCD_SECTION__KEY."
    return f"environment {variable}: this variable names no key of the settings; {hint}"
