"""Where the daemon's socket is, found without settings: by flag, environment, config file and the platform's habit.

The rule is that of `musicsyncd.settings.defaults`; a test holds the two against each other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from musicsyncd.errors import ConfigInvalid

APP: Final = "musicsyncd"


def socket_path(
    *, socket: str | None, config: str | None, mode: str | None, environ: Mapping[str, str] = os.environ
) -> str:
    """The control socket of the daemon that these flags mean."""
    if named := socket or environ.get("MUSICSYNCD_SOCKET") or environ.get("MUSICSYNCD_DAEMON__SOCKET"):
        return _absolute(named, Path.cwd())
    path = _config_file(config, environ)
    daemon = _daemon_section(path) if path else {}
    base = path.parent if path else Path.cwd()
    if isinstance(daemon.get("socket"), str):
        return _absolute(daemon["socket"], base)
    chosen = mode or environ.get("MUSICSYNCD_MODE") or environ.get("MUSICSYNCD_DAEMON__MODE") or daemon.get("mode")
    mode = str(chosen or "prod").strip().lower()
    if state := environ.get("MUSICSYNCD_DAEMON__STATE_DIR"):
        return _default_socket(environ, mode, _absolute(state, Path.cwd()))
    state = daemon.get("state_dir")
    state_dir = _absolute(str(state), base) if state else _default_state_dir(environ, mode)
    return _default_socket(environ, mode, state_dir)


def _config_file(config: str | None, environ: Mapping[str, str]) -> Path | None:
    if named := config or environ.get("MUSICSYNCD_CONFIG"):
        return Path(named).absolute()
    first = environ.get("CONFIGURATION_DIRECTORY", "").partition(":")[0]
    folder = Path(first) if first.startswith("/") else _platform_folder(environ, "XDG_CONFIG_HOME", ".config", APP)
    usual = folder / "config.toml"
    return usual if usual.exists() else None


def _daemon_section(path: Path) -> dict[str, Any]:
    """The [daemon] section; whether its values are right is for the daemon to say."""
    import tomllib  # only who has a config file pays for it

    try:
        section = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("daemon", {})
    except (OSError, ValueError) as error:
        raise ConfigInvalid(f"{path} cannot be read", why=str(error), fix="See: musicsyncctl config check") from error
    return section if isinstance(section, dict) else {}


def _default_state_dir(environ: Mapping[str, str], mode: str) -> str:
    first = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if first.startswith("/"):
        return first
    return str(_platform_folder(environ, "XDG_STATE_HOME", ".local/state", _app(mode)))


def _default_socket(environ: Mapping[str, str], mode: str, state_dir: str) -> str:
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and Path(runtime).is_dir() and os.access(runtime, os.W_OK | os.X_OK):
        return f"{runtime}/{_app(mode)}/control.sock"
    given = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return f"{given if given.startswith('/') else state_dir}/control.sock"


def _platform_folder(environ: Mapping[str, str], variable: str, usual: str, app: str) -> Path:
    """What platformdirs says, for the two platforms that the daemon runs on."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / app
    named = environ.get(variable, "").strip()
    return (Path(named) if named.startswith("/") else home / usual) / app


def _absolute(text: str, base: Path) -> str:
    return os.path.normpath(base / Path(text).expanduser())


def _app(mode: str) -> str:
    return f"{APP}-dev" if mode == "dev" else APP
