"""Whether a request keeps to an OpenAPI document: path, method, and every parameter of its query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONTRACTS = Path(__file__).parent.parent / "contracts"


class OpenApi:
    """One document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)), path) for path in document["paths"]]

    def faults(self, method: str, path: str, query: Mapping[str, Sequence[str]]) -> list[str]:
        """What is wrong with a request, in words; empty when it keeps to the document."""
        templates = [template for pattern, template in self._paths if pattern.fullmatch(path)]
        exact = [template for template in templates if template == path]
        if not templates:
            return [f"there is no path {path}"]
        operation = self._document["paths"][(exact or templates)[0]].get(method.lower())
        if operation is None:
            return [f"{path} knows no {method}"]
        known = {one["name"]: one for one in map(self._whole, operation.get("parameters", ())) if one["in"] == "query"}
        faults = [f"{path} knows no parameter {name}" for name in query if name not in known]
        faults += [
            f"{path} lacks {one['name']}" for one in known.values() if one.get("required") and one["name"] not in query
        ]
        for name, values in query.items():
            if name in known:
                faults += [
                    f"{path}: {name}={value!r} {told}" for value in values for told in _wrong(known[name], value)
                ]
            faults += [f"{path}: {name} stands there twice"] if len(values) > 1 else []
        return faults

    def _whole(self, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Any = parameter
        if reference := parameter.get("$ref"):
            found = self._document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
        whole: Mapping[str, Any] = found
        return whole


def _wrong(parameter: Mapping[str, Any], value: str) -> list[str]:
    schema = parameter["schema"]
    if schema.get("type") != "integer":
        return [f"is none of {schema['enum']}"] if "enum" in schema and value not in schema["enum"] else []
    if not re.fullmatch(r"-?\d+", value):
        return ["is no whole number"]
    number = int(value)
    return (
        ["is out of bounds"] if number < schema.get("minimum", number) or number > schema.get("maximum", number) else []
    )


@cache
def spotify() -> OpenApi:
    """Spotify's Web API."""
    return OpenApi(
        yaml.load((CONTRACTS / "spotify-openapi.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    )
