"""Settings that the service manager hands over as files: systemd's `LoadCredential=`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from musicsyncd.settings.gathered import ALIASES, Gathered, Origin, put_text, variables

LARGEST: Final = 1024 * 1024
"""Bytes; systemd takes no more either."""


def add_credentials(gathered: Gathered, environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What the files in `$CREDENTIALS_DIRECTORY` say. Returns errors and warnings, a sentence each.

    A file is named after a key (`spotify.client_secret`) or after the variable that sets it; a line break at its
    end does not count. Variables overrule it, and it overrules config.toml.
    """
    folder, errors, warnings = environ.get("CREDENTIALS_DIRECTORY", ""), list[str](), list[str]()
    if not folder.startswith("/"):
        return [], []
    keys = _names()
    try:
        files = sorted(one for one in Path(folder).iterdir() if one.is_file())
    except OSError as error:
        return [f"The credentials in {folder} cannot be read: {error.strerror}."], []
    for path in files:
        if path.name not in keys:
            warnings.append(f"The credential {path.name} is no setting of musicsyncd and has no effect.")
        elif key := keys[path.name]:
            try:
                shown = f"credential {path.name}"
                put_text(gathered, key, _text(path), Origin(name=shown, place=shown))
            except (OSError, ValueError) as error:
                errors.append(f"The credential {path.name} cannot be used: {_why(error)}.")
    return errors, warnings


def _names() -> dict[str, str | None]:
    """Each name that a credential may have, and the key that it sets."""
    by_variable = variables()
    return {**ALIASES, **by_variable, **{key: key for key in by_variable.values()}}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    return data.decode().rstrip("\r\n")


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
