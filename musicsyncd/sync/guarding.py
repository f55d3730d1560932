"""What a full run that nobody asked for may not bring back: files that went from a target all at once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from musicsyncd.errors import NeedsPerson
from musicsyncd.sync.differences import sharp, shrunk


def emptied(plans: Sequence[Mapping[str, Any]], known: Mapping[str, int]) -> dict[str, int]:
    """Targets from which more is gone than anybody can have meant, each with how much; `known` is what stood there."""
    gone: Counter[str] = Counter()
    for plan in plans:
        gone.update(plan.get("gone") or {})
    return {target: count for target, count in gone.items() if sharp(count, known.get(target, 0))}


def untouched(plan: Mapping[str, Any], targets: Mapping[str, int]) -> bool:
    """Whether nothing of a plan's track is gone from any of these targets."""
    return not targets.keys() & (plan.get("gone") or {}).keys()


def refusal(targets: Mapping[str, int], known: Mapping[str, int]) -> NeedsPerson:
    """That it is for a person to say whether they shall come back."""
    what = "; ".join(shrunk(target, count, known.get(target, 0)).what for target, count in sorted(targets.items()))
    return NeedsPerson(
        what,
        why="So much at once can have been meant by nobody: what it concerns was left as it is",
        fix="Run musicsyncctl sync --full yourself if all of it shall come back; "
        "what is gone says musicsyncctl reconcile --dry-run",
    )
