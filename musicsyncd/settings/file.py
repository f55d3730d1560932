"""config.toml as text: read, parsed, and the line on which each key stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from musicsyncd.errors import ConfigInvalid

Key = tuple[str | int, ...]
"""`("volumes", 0, "path")`: what people write as `volumes[0].path`."""
LARGEST: Final = 1024 * 1024
"""Bytes. A settings file is some kilobytes; a larger one is another file, given by mistake."""
_ENDS: Final = ("]", "}", '"""', "'''")
"""What the last line of a value of several lines holds: only there is it worth trying to parse."""
_POSITION: Final = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")


def read(path: Path) -> str:
    """The file's text; ConfigInvalid when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ConfigInvalid(f"{path}: the settings file is larger than {LARGEST} bytes", fix="Name a TOML file")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigInvalid(f"{path}:{line}: the settings file is not UTF-8 text") from error
    except OSError as error:
        raise ConfigInvalid(f"{path}: the settings file cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigInvalid(f"{str(path)!r} is no path: {error}") from error


def parse(text: str, path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The tables of the text, and the line (from 1) of every key; ConfigInvalid when it is no TOML."""
    try:
        return tomllib.loads(text), locate(text)
    except RecursionError as error:
        raise ConfigInvalid(f"{path}: the settings file is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError is one; so is the refusal of a number with thousands of digits
        message, position = str(error), _POSITION.search(str(error))
        line = (position[1] or len(text.splitlines())) if position else None
        where = f"{path}:{line}" if line else str(path)
        column = f" (column {position[2]})" if position and position[2] else ""
        raise ConfigInvalid(f"{where}: this is not valid TOML: {_POSITION.sub('', message)}{column}") from error


def locate(text: str) -> dict[Key, int]:
    """The line (from 1) of every table and key of a valid text; inside a value, the line where it begins."""
    lines: dict[Key, int] = {}
    entries: dict[Key, int] = {}
    table: Key = ()
    for number, statement in _statements(text):
        parsed: Any = tomllib.loads(statement)
        if statement.startswith("["):
            table = _table(parsed, entries)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
        else:
            for key in _keys(parsed, table):
                lines.setdefault(key, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and each key with its whole value, and its line: a value ends where it first parses."""
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not begun and not line.strip().partition("#")[0]:
            continue
        begun.append(line)
        if len(begun) > 1 and not any(end in line for end in _ENDS):
            continue
        statement = "\n".join(begun).strip()
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield number - len(begun) + 1, statement
        begun = []


def _table(header: Any, entries: dict[Key, int]) -> Key:
    """Where the keys below this header belong; counts the entries of arrays of tables."""
    key: Key = ()
    while isinstance(header, dict) and header:
        name, header = next(iter(header.items()))
        key = (*key, name)
        if isinstance(header, list):
            entries[key] = entries.get(key, -1) + 1
            header = None
        if key in entries:
            key = (*key, entries[key])
    return key


def _keys(value: Any, at: Key) -> Iterator[Key]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*at, name)
        yield from _keys(item, (*at, name))
