"""Defaults that depend on the machine, on the mode or on another key, filled in where nothing was said."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import platformdirs

from musicsyncd.audio.section import OutputSection
from musicsyncd.section import absolute_path
from musicsyncd.settings.gathered import DEFAULT, Gathered, Origin
from musicsyncd.settings.model import Settings, table_of

APP: Final = "musicsyncd"
SOCKET_NAME: Final = "control.sock"


def default_config(environ: Mapping[str, str] = os.environ) -> Path:
    """Where settings are looked for when nobody says where.

    1. The first folder in `CONFIGURATION_DIRECTORY` (systemd; separated by `:`), if that is absolute.
    2. The platform's configuration folder.
    """
    first = environ.get("CONFIGURATION_DIRECTORY", "").partition(":")[0]
    if first.startswith("/"):
        return Path(first) / "config.toml"
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def default_state_dir(environ: Mapping[str, str], mode: str) -> Path:
    """The state folder when nobody names one.

    1. The first folder in `STATE_DIRECTORY` (systemd; separated by `:`), if that is absolute.
    2. The platform's state folder for `musicsyncd`, in dev mode for `musicsyncd-dev`.
    """
    first = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(first) if first.startswith("/") else platformdirs.user_state_path(_app(mode), appauthor=False)


def default_socket(environ: Mapping[str, str], mode: str, state_dir: Path) -> Path:
    """The control socket when nobody names one. The client finds it by the same rule.

    1. `XDG_RUNTIME_DIR`, if it is absolute, an existing folder, and one that this user may write and enter
       (`os.access` W_OK, X_OK): `musicsyncd/control.sock` in it, in dev mode `musicsyncd-dev/control.sock`.
    2. The first folder in `RUNTIME_DIRECTORY` (systemd; separated by `:`), if it is absolute:
       `control.sock` in it, in both modes.
    3. `control.sock` in the state folder.
    """
    runtime, given = (
        environ.get("XDG_RUNTIME_DIR", ""),
        environ.get("RUNTIME_DIRECTORY", "").partition(":")[0],
    )
    if runtime.startswith("/") and Path(runtime).is_dir() and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime) / _app(mode) / SOCKET_NAME
    return (Path(given) if given.startswith("/") else state_dir) / SOCKET_NAME


def fill_in(gathered: Gathered, environ: Mapping[str, str], folder: Path) -> None:
    """Complete the values; relative paths are taken from `folder`. Wrong values are left for the check."""
    for name in Settings.model_fields:
        gathered.tree.setdefault(name, () if table_of(Settings, name) else {})
    mode = str(gathered.get(("daemon", "mode")) or "prod").strip().lower()
    gathered.default(("daemon", "state_dir"), default_state_dir(environ, mode))
    state_dir = _path_or(gathered.get(("daemon", "state_dir")), folder, default_state_dir(environ, mode))
    gathered.default(("daemon", "socket"), default_socket(environ, mode, state_dir))
    gathered.default(("log", "file"), state_dir / "musicsyncd.log")
    gathered.default(("ytdlp", "cache_dir"), state_dir / "cache" / "ytdlp")
    for name in ("proxy", "ca_file"):
        _follow(gathered, ("ytdlp", name), ("http", name))
    _follow(gathered, ("eagle", "formats"), ("output", "formats"))
    _fill_in_volumes(gathered, mode, state_dir)


def _fill_in_volumes(gathered: Gathered, mode: str, state_dir: Path) -> None:
    if gathered.tree["volumes"] == ():
        library = state_dir / "library" if mode == "dev" else platformdirs.user_music_path() / APP
        gathered.tree["volumes"] = ({"name": "library", "path": library},)
    if not isinstance(gathered.tree["volumes"], tuple):
        return
    formats = gathered.get(("output", "formats"))
    for index, volume in enumerate(gathered.tree["volumes"]):
        if isinstance(volume, dict) and "formats" not in volume:
            volume["formats"] = OutputSection.model_fields["formats"].default if formats is None else formats
            gathered.origins[("volumes", index, "formats")] = _inherited(gathered, ("output", "formats"))


def _follow(gathered: Gathered, key: tuple[str, ...], leader: tuple[str, ...]) -> None:
    value: Any = gathered.get(leader)
    if value is not None:
        gathered.default(key, value, _inherited(gathered, leader))


def _inherited(gathered: Gathered, leader: tuple[str, ...]) -> Origin:
    origin, key = gathered.source(leader), ".".join(leader)
    if gathered.get(leader) is None:
        return DEFAULT
    return replace(origin, name=f"{key} ({origin.name})", inherited=True)


def _path_or(value: object, folder: Path, otherwise: Path) -> Path:
    try:
        return absolute_path(value, folder)
    except ValueError:
        return otherwise


def _app(mode: str) -> str:
    return f"{APP}-dev" if mode == "dev" else APP
