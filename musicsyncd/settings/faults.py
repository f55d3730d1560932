"""What is wrong with the settings, a sentence each: where, the key, its value, what would be right."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from musicsyncd.redaction import Redactor
from musicsyncd.settings.file import Key
from musicsyncd.settings.gathered import Gathered
from musicsyncd.settings.model import HIDDEN, Settings, annotation_of, dotted, known_keys, table_of

LONGEST_SOCKET: Final = 103 if sys.platform == "darwin" else 107
"""Bytes of a Unix socket's path: `sun_path` without its final zero."""
LONGEST_VALUE: Final = 80
"""Characters of a wrong value that are shown."""

_WANTED: Final = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": 'must be a text in quotes, as "text"',
    "tuple_type": 'must be a list, as ["first", "second"]',
    "dict_type": 'must be a table, as {{ key = "Tonart" }}',
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "must be 1 to 64 of A-Z, a-z, 0-9, and after the first also . _ -",
}


def sentences(error: ValidationError, gathered: Gathered) -> list[str]:
    """A sentence for each fault that the models found: first what the file says, from its top."""
    faults = [fault for fault in error.errors(include_url=False) if not gathered.origin(fault["loc"]).inherited]
    faults.sort(key=lambda fault: gathered.origin(fault["loc"]).line or sys.maxsize)
    return [_sentence(fault, gathered) for fault in faults]


def contradictions(settings: Settings, gathered: Gathered) -> list[str]:
    """A sentence for each two values that are right alone and wrong together, or wrong on this machine."""
    return [f"{gathered.origin(key).place}: {text}." for key, text in _contradictions(settings)]


def _sentence(fault: ErrorDetails, gathered: Gathered) -> str:
    key: Key = fault["loc"]
    where, name = gathered.origin(key).place, dotted(key)
    match fault["type"]:
        case "extra_forbidden":
            return f"{where}: {_unknown(key, fault['input'])}"
        case "missing":
            return f"{where}: {name} is missing: it has no default."
        case "model_type" | "model_attributes_type":
            written = f"[[{name.partition('[')[0]}]]" if isinstance(key[-1], int) else f"[{name}]"
            return f"{where}: {name} must be a table, written {written}."
        case "tuple_type" if table_of(Settings, str(key[0])) and len(key) == 1:
            return f"{where}: {name} must be a list of tables, each begun with [[{name}]]."
        case _:
            return f"{where}: {_said(key, gathered.get(key))} is not valid: it {_wanted(fault)}."


def _wanted(fault: ErrorDetails) -> str:
    context = dict(fault.get("ctx", {}))
    if fault["type"] == "value_error":
        return str(context["error"])
    if "expected" in context:
        context["expected"] = context["expected"].replace("'", "").replace(" or ", ", ")
    template = _WANTED.get(fault["type"])
    return template.format(**context) if template else f"does not fit ({fault['msg']})"


def _value(key: Key, value: object) -> str:
    if "SecretStr" in str(annotation_of(key)):  # a secret, or a list of them
        return HIDDEN
    text = Redactor().text(_written(value))
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case dict():
            return "a table"
        case tuple() | list():
            return "a list"
        case int() if abs(value) > 10**LONGEST_VALUE:
            return "a number of very many digits"
        case _:
            return str(value)


def _unknown(key: Key, value: object) -> str:
    """The value is never shown: an unknown key may be a misspelt secret."""
    *way, last = key
    siblings = list(_model_at(tuple(way)).model_fields)
    elsewhere = [known for known in known_keys() if known.rpartition(".")[2] == last]
    near = [dotted((*way, name)) for name in difflib.get_close_matches(str(last), siblings, n=1)]
    told = f"{dotted(key)} is no key" if way or not isinstance(value, dict) else f"{dotted(key)} is no section"
    if guesses := near or elsewhere:
        return f"{told}: did you mean {' or '.join(guesses)}?"
    return f"{told}: {f'[{dotted(tuple(way))}]' if way else 'the file'} has {', '.join(siblings)}."


def _model_at(way: Key) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in way:
        if not isinstance(part, int):
            inner = table_of(model, part) or model.model_fields[part].annotation
            assert isinstance(inner, type)
            model = inner
    return model


def _contradictions(settings: Settings) -> Iterator[tuple[Key, str]]:
    yield from _socket_too_long(settings)
    yield from _volumes_alike(settings)
    yield from _inbox_of_outputs(settings)
    if settings.enrichment.enabled and not settings.enrichment.contact:
        told = "enrichment.contact is missing: MusicBrainz demands an e-mail address or a URL of whoever asks"
        yield ("enrichment", "enabled"), told
    yield from _channels_that_lead_nowhere(settings)
    low, high = settings.analysis.tempo_low, settings.analysis.tempo_high
    if high < 2 * low:
        told = f"analysis.tempo_high = {high:g} must be at least twice analysis.tempo_low = {low:g}"
        yield ("analysis", "tempo_high"), f"{told}, or some tempi fit in neither octave"


def _channels_that_lead_nowhere(settings: Settings) -> Iterator[tuple[Key, str]]:
    alerts = settings.alerts
    needs = {"webhook": ("webhook_url", alerts.webhook_url), "apprise": ("apprise_urls", alerts.apprise_urls)}
    for channel, (key, value) in needs.items():
        if channel in alerts.channels and not value:
            yield ("alerts", "channels"), f"alerts.{key} is missing: the channel {channel} has nowhere to tell"


def _socket_too_long(settings: Settings) -> Iterator[tuple[Key, str]]:
    key, path = ("daemon", "socket"), str(settings.daemon.socket)
    if (length := len(path.encode())) > LONGEST_SOCKET:
        told = f"{_said(key, path)} is {length} bytes long, and the system allows {LONGEST_SOCKET}"
        yield key, f"{told}: set daemon.socket to a shorter path"


def _volumes_alike(settings: Settings) -> Iterator[tuple[Key, str]]:
    names: set[str] = set()
    paths: dict[str, str] = {}
    for index, volume in enumerate(settings.volumes):
        key, path = ("volumes", index), str(volume.path)
        if volume.name.lower() in names:
            yield (*key, "name"), f"{_said((*key, 'name'), volume.name)} is the name of another volume too"
        if path in paths:
            yield (*key, "path"), f"{_said((*key, 'path'), path)} is the folder of the volume {paths[path]} too"
        names.add(volume.name.lower())
        paths[path] = volume.name


def _inbox_of_outputs(settings: Settings) -> Iterator[tuple[Key, str]]:
    for index, inbox in enumerate(settings.inbox):
        key = ("inbox", index, "path")
        for volume in settings.volumes:
            if volume.path.is_relative_to(inbox.path):
                told = f"{_said(key, str(inbox.path))} holds the volume {volume.name}"
                yield key, f"{told}, whose finished files would be taken in again"


def _said(key: Key, value: object) -> str:
    return f"{dotted(key)} = {_value(key, value)}"
