"""The one predicate: does a track stand where it should? Selection, skipping and verification all ask it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Target:
    """A place that a track must reach, and what must be found there."""

    name: str
    """`volume:VIBES`, `catalog:local`."""
    parts: Mapping[str, str]
    """What must stand there, by name (`alac`, `row`), each with the proof expected of it; an empty proof accepts any.
    """


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One thing that was read back from a target."""

    target: str
    part: str
    proof: str
    """What identifies the content that was read back: a file's `FileFacts.proof`, a row's digest."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Where it is (`Kept.as_dict`, a row's id)."""
    seen_at: str = ""
    """When it was last read back, ISO 8601 in UTC."""


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What a target still wants."""

    target: str
    parts: tuple[str, ...]


def lacking(targets: Iterable[Target], evidence: Iterable[Evidence]) -> tuple[Lack, ...]:
    """What is missing of each target, in the targets' order; empty when the track stands everywhere."""
    seen = {(one.target, one.part): one.proof for one in evidence}
    found = []
    for target in targets:
        parts = tuple(part for part, proof in target.parts.items() if not _holds(seen.get((target.name, part)), proof))
        if parts:
            found.append(Lack(target=target.name, parts=parts))
    return tuple(found)


def standing(targets: Iterable[Target], evidence: Iterable[Evidence]) -> bool:
    """Whether every target has been read back and holds what it should."""
    return not lacking(targets, evidence)


def _holds(seen: str | None, expected: str) -> bool:
    return seen is not None and (not expected or seen == expected)
