"""Whether a request to Notion keeps to Notion's own document, and whether an answer does.

A whole body takes tens of milliseconds to validate, so verdicts are kept by the shape of what was judged: strings of
people are known by their length's class only, and each property of a page is held against its own kind's schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator

from tests.fakes.openapi import CONTRACTS

UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
CHILDREN: Final = 100
TEXT: Final = 2000
_FREE: Final = frozenset({"content", "name", "url", "email", "phone_number", "start", "end", "property", "query"} | {
    "equals", "does_not_equal", "contains", "does_not_contain", "starts_with", "ends_with", "plain_text", "id",
    "before", "after", "on_or_before", "on_or_after", "start_cursor", "database_id", "data_source_id", "page_id",
})  # fmt: skip
"""Keys whose strings are anybody's; what stands under another key is judged word for word."""
_EDGES: Final = (0, 1, 2, 3, 100, 280, 2000)
"""Where the document's verdict on a length may change."""
_KEPT: Final = 50_000


def shape(value: Any, key: str = "") -> Hashable:
    """What a verdict depends on."""
    if isinstance(value, Mapping):
        return tuple((name, shape(each, name)) for name, each in value.items())
    if isinstance(value, list):
        return ("list", *_lengths(len(value)), frozenset(shape(each, key) for each in value))
    if isinstance(value, str):
        free = key in _FREE
        return ("text", *_lengths(len(value)), bool(UUID.fullmatch(value))) if free else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (type(value).__name__, value < 0, value < 1, value > 100, value > 10_000)
    return repr(value)


def _lengths(size: int) -> tuple[bool, ...]:
    return tuple(size > edge for edge in _EDGES)


@dataclass(frozen=True)
class Operation:
    """One path and method of the document."""

    template: str
    body: Draft202012Validator | None
    properties: Mapping[str, Draft202012Validator]
    """By the key that names the kind: what may stand in a page's `properties`."""
    child: Draft202012Validator | None
    """One of a body's `children`."""
    query: frozenset[str]
    answer: Mapping[str, Any]
    """The schema of a good answer."""


@dataclass
class Contract:
    """The document, and the verdicts so far."""

    document: Mapping[str, Any]
    _verdicts: dict[Hashable, list[str]] = field(default_factory=dict)
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._paths = [(re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)), path) for path in self.document["paths"]]

    def operation(self, method: str, path: str) -> Operation | None:
        """What the document says of it; None: it does not know it."""
        templates = [template for pattern, template in self._paths if pattern.fullmatch(path)]
        template = path if path in templates else next(iter(templates), None)
        if template is None or method.lower() not in self.document["paths"][template]:
            return None
        if (method, template) not in self._operations:
            self._operations[method, template] = self._read(method, template)
        return self._operations[method, template]

    def faults(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> list[str]:
        """What is wrong with a request, in Notion's words as far as they matter; empty when nothing is."""
        operation = self.operation(method, path)
        if operation is None:
            return [f"{method} {path}: the document knows no such operation"]
        unknown = sorted(set(query) - operation.query)
        return [f"query.{name} is not known to {operation.template}" for name in unknown] + [
            f"body failed validation: {fault}" for fault in self._body_faults(method, operation, body)
        ]

    def answer_faults(self, method: str, path: str, answer: Any) -> list[str]:
        """What is wrong with a good answer (for tests of the fake itself; slow)."""
        operation = self.operation(method, path)
        assert operation is not None, f"{method} {path}"
        return _told(_loose(self, operation.answer), answer, "answer")

    def error_faults(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """What is wrong with an answer that refuses."""
        operation = self.operation(method, path)
        assert operation is not None, f"{method} {path}"
        return _told(_loose(self, {"$ref": f"#/components/schemas/error_api_{status}"}), answer, "answer")

    def _body_faults(self, method: str, operation: Operation, body: Any) -> Iterator[str]:
        if operation.body is None:
            yield from () if body is None else ["body: there is none in this operation"]
            return
        if not isinstance(body, Mapping):
            yield "body should be an object"
            return
        taken = {"properties"} if operation.properties else set()
        taken |= {"children"} if operation.child else set()
        rest = {name: value for name, value in body.items() if name not in taken}
        rest |= {name: type(body[name])() for name in taken if isinstance(body.get(name), dict | list)}
        yield from self._judged((method, operation.template), operation.body, rest, "body")
        if operation.properties and isinstance(body.get("properties"), Mapping):
            yield from self._property_faults(operation, body["properties"])
        if operation.child and isinstance(body.get("children"), list):
            if (count := len(body["children"])) > CHILDREN:
                yield f"body.children.length should be ≤ `{CHILDREN}`, instead was `{count}`"
            for place, child in enumerate(body["children"]):
                where = f"body.children[{place}]"
                yield from self._judged((method, operation.template, "child"), operation.child, child, where)

    def _property_faults(self, operation: Operation, properties: Mapping[str, Any]) -> Iterator[str]:
        for name, value in properties.items():
            where = f"body.properties.{name}"
            kind = next((kind for kind in operation.properties if isinstance(value, Mapping) and kind in value), None)
            if kind is None:
                yield f"{where} should be an object with the key of one kind, instead was `{json.dumps(value)[:80]}`"
            else:
                yield from self._judged((operation.template, kind), operation.properties[kind], value, where)

    def _judged(self, about: Hashable, validator: Draft202012Validator, value: Any, where: str) -> list[str]:
        known = (about, shape(value))
        if known not in self._verdicts:
            if len(self._verdicts) > _KEPT:
                self._verdicts.clear()
            self._verdicts[known] = _told(validator, value, "")
        return [where + fault for fault in [*self._verdicts[known], *_long(value)]]

    def _read(self, method: str, template: str) -> Operation:
        told = self.document["paths"][template][method.lower()]
        content = self._whole(told.get("requestBody", {})).get("content", {}).get("application/json")
        body = content["schema"] if content else None
        parts = body.get("properties", {}) if body else {}
        of_pages = template in {"/v1/pages", "/v1/pages/{page_id}"} and "properties" in parts
        kinds = parts["properties"]["additionalProperties"]["anyOf"] if of_pages else []
        children = parts.get("children")
        parameters = map(self._whole, told.get("parameters", ()))
        return Operation(
            template=template,
            body=self._validator(body) if body else None,
            properties={one["required"][0]: self._validator(one) for one in kinds},
            child=self._validator(children["items"]) if children else None,
            query=frozenset(one["name"] for one in parameters if one["in"] == "query"),
            answer=told["responses"]["200"]["content"]["application/json"]["schema"],
        )

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": self.document["components"]})

    def _whole(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Any = part
        if reference := part.get("$ref"):
            found = self.document
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]
        whole: Mapping[str, Any] = found
        return whole


def _told(validator: Any, value: Any, where: str) -> list[str]:
    faults = []
    for error in validator.iter_errors(value):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in deepest.absolute_path)
        faults.append(f"{where}{path}{_words(deepest)}")
    return faults


def _long(value: Any, where: str = "") -> Iterator[str]:
    """Texts that are too long only as Notion counts: in UTF-16, where characters beyond the first plane are two."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _long(each, f"{where}.{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _long(each, f"{where}[{place}]")
    elif isinstance(value, str) and len(value) <= TEXT < (units := _units(value)):
        yield f"{where}.length should be ≤ `{TEXT}`, instead was `{units}`"


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _words(error: Any) -> str:
    if error.validator in {"maxLength", "maxItems"}:
        return f".length should be ≤ `{error.validator_value}`, instead was `{len(error.instance)}`"
    return f" {error.message[:200]}"


@cache
def contract() -> Contract:
    """Notion's API, version 2026-03-11."""
    return Contract(json.loads((CONTRACTS / "notion-openapi.json").read_text()))


_COMPONENTS: dict[int, Any] = {}


def _loose(held: Contract, schema: Mapping[str, Any]) -> Draft202012Validator:
    """A validator without the document's `additionalProperties: false`: parts of its `allOf` exclude each other.

    A whole answer fits its partial form too then, so that `oneOf` has to mean `anyOf`.
    """
    if id(held) not in _COMPONENTS:
        _COMPONENTS[id(held)] = _opened(held.document["components"])
    return Draft202012Validator({**_opened(schema), "components": _COMPONENTS[id(held)]})


def _opened(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {
            ("anyOf" if name == "oneOf" else name): _opened(value)
            for name, value in part.items()
            if not (name == "additionalProperties" and value is False)
        }
    return [_opened(each) for each in part] if isinstance(part, list) else part
