"""Reading the settings: flag over environment over credential over file over default, every fault at once."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from musicsyncd.errors import ConfigInvalid
from musicsyncd.settings import file
from musicsyncd.settings.credentials import add_credentials
from musicsyncd.settings.defaults import default_config, fill_in
from musicsyncd.settings.faults import contradictions, sentences
from musicsyncd.settings.gathered import Gathered, add_environment, add_overrides, unread
from musicsyncd.settings.model import Settings, dotted, leaves, secrets_in


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Settings that passed every check, and where they came from."""

    settings: Settings
    origin: dict[str, str]
    """For every dotted key: `default`, `config.toml:12`, `environment LOG_LEVEL (alias)`, `flag --mode`."""
    path: Path | None
    """The file that was read; None when there is none and defaults are used."""
    warnings: list[str]
    """Sentences about what is allowed and probably not meant."""
    notes: list[str]
    """Sentences about variables that are recognised and not used."""


def load(
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> Loaded:
    """The settings of `config`, else of `$MUSICSYNCD_CONFIG`, else of the platform's folder, else defaults.

    `overrides` are flags by dotted key, None where not given. A relative path in the file is
    taken from its folder, any other from the working folder. Raises ConfigInvalid, a sentence for each fault.
    """
    path = _find(config, environ)
    gathered = Gathered()
    if path:
        gathered.add_file(*file.parse(file.read(path), path), path)
    errors, warnings = add_credentials(gathered, environ)
    for found, told in zip((errors, warnings), add_environment(gathered, environ), strict=True):
        found += told
    errors += add_overrides(gathered, overrides or {})
    folder = path.parent if path else Path.cwd()
    fill_in(gathered, environ, folder)
    settings = _checked(gathered, folder, errors)
    origin = {dotted(key): gathered.source(key).name for key, _ in leaves(settings)}
    warnings += _doubts(settings, gathered, path)
    return Loaded(settings=settings, origin=origin, path=path, warnings=warnings, notes=unread(environ))


def _find(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read, absolute. One that was named must be there; the platform's own need not."""
    named = config or (Path(environ["MUSICSYNCD_CONFIG"]) if environ.get("MUSICSYNCD_CONFIG") else None)
    if named:
        return Path(os.path.abspath(named))  # noqa: PTH100  resolve() would follow a link out of the folder it is kept in
    usual = default_config(environ)
    return usual if os.path.lexists(usual) else None


def _checked(gathered: Gathered, folder: Path, errors: list[str]) -> Settings:
    try:
        settings = Settings.model_validate(gathered.tree, context={"folder": folder})
    except ValidationError as error:
        # `from None`: the chained error would carry the values, secrets among them
        raise ConfigInvalid("\n".join([*errors, *sentences(error, gathered)])) from None
    if errors := errors + contradictions(settings, gathered):
        raise ConfigInvalid("\n".join(errors))
    return settings


def _doubts(settings: Settings, gathered: Gathered, path: Path | None) -> list[str]:
    doubts: list[str] = []
    shared = path is not None and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    for key, value in leaves(settings):
        origin, name = gathered.origin(key), dotted(key)
        if origin.inherited:
            continue
        if any(_lets_in(name, secret) for secret in secrets_in(value)) and origin.line and shared:
            doubts.append(f"{origin.place}: {name} may hold a password, and others can read it: chmod 600 {path}")
        if name.endswith(".ca_file") and value and not os.access(value, os.R_OK):
            doubts.append(f"{origin.place}: {name} cannot be read: every https connection will fail.")
    for channel, unused in (("webhook", settings.alerts.webhook_url), ("apprise", settings.alerts.apprise_urls)):
        if unused and channel not in settings.alerts.channels:
            doubts.append(f"alerts.channels does not name {channel}: its address is set, and nobody is told there.")
    if settings.ytdlp.insecure_tls:
        where = gathered.origin(("ytdlp", "insecure_tls")).place
        doubts.append(f"{where}: ytdlp.insecure_tls lets anyone on the way alter what is downloaded.")
    return doubts


def _lets_in(name: str, secret: str) -> bool:
    """Whether it is more than the address of a proxy that anybody may use."""
    return bool(secret) and ("@" in secret or not name.endswith(".proxy"))
