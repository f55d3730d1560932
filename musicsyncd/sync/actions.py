"""decide: what must be done for one track. The page to read when something was, or was not, synced. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from musicsyncd.ledger.standing import Lack


class Verb(StrEnum):
    """What an action does."""

    FETCH = "fetch"
    """Get the audio and make these formats."""
    ANALYZE = "analyze"
    """Hear the track anew, from a copy that stands there."""
    RETAG = "retag"
    """Bring the tags of these formats in step, where they stand."""
    SHELVE = "shelve"
    """Place these formats on a volume."""
    PUBLISH = "publish"
    """Bring the row in step."""
    PARK = "park"
    """Note that a target cannot be reached now."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do for one track, as a value: what a dry run prints is what a run carries out."""

    verb: Verb
    target: str
    """`volume:VIBES`, `catalog:local`; for `fetch` the track's own source."""
    parts: tuple[str, ...] = ()
    """Formats."""
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"verb": self.verb.value, "target": self.target, "parts": list(self.parts), "why": self.why}


def decide(
    *,
    source: str,
    lacks: Sequence[Lack],
    catalogs: Sequence[str],
    copies: Collection[str],
    away: Mapping[str, str],
    older: Mapping[str, Collection[str]] | None = None,
) -> tuple[Action, ...]:
    """The actions that bring a track to where it should stand, in the order in which they are done.

    `lacks` is what `ledger.standing.lacking` found; `catalogs` names every catalog target; `copies` are formats of
    which a verified copy stands on some shelf that can be read now; `away` says of each target that cannot be reached
    why; `older` names formats that stand on a target with earlier tags.
    """
    lacking = {lack.target: lack.parts for lack in lacks}
    volumes = {target: parts for target, parts in lacking.items() if target not in catalogs}
    near = {target: parts for target, parts in volumes.items() if target not in away}
    stale = {
        target: tuple(part for part in parts if part in (older or {}).get(target, ())) for target, parts in near.items()
    }
    bare = {target: tuple(part for part in parts if part not in stale[target]) for target, parts in near.items()}
    make = tuple(dict.fromkeys(part for parts in bare.values() for part in parts if part not in copies))
    # A row is derived from what stands elsewhere: whenever a file is placed the row changes too, and so it comes last.
    rows = [target for target in catalogs if target in lacking or near]
    return (
        *([Action(verb=Verb.FETCH, target=source, parts=make, why="no verified copy stands anywhere")] if make else []),
        *(
            Action(verb=Verb.RETAG, target=target, parts=parts, why="stands there with earlier tags")
            for target, parts in stale.items()
            if parts
        ),
        *(
            Action(verb=Verb.SHELVE, target=target, parts=parts, why="not standing there")
            for target, parts in bare.items()
            if parts
        ),
        *(
            Action(verb=Verb.PUBLISH, target=target, why=_row_reason(target in lacking))
            for target in rows
            if target not in away
        ),
        *(_park(target, parts, away) for target, parts in volumes.items() if target in away),
        *(_park(target, (), away) for target in rows if target in away),
    )


def decide_again(
    *,
    step: str,
    standing: Mapping[str, Sequence[str]],
    best: tuple[str, str] | None,
    catalogs: Sequence[str],
    away: Mapping[str, str],
) -> tuple[Action, ...]:
    """The actions that do a step again (`analyze` or `tag`) for a track, in their order; each writes only where
    something comes out otherwise than before.

    `standing` names the formats that stand on each volume, `best` is the copy to hear, as volume and format.
    """
    hear = [Action(verb=Verb.ANALYZE, target=best[0], parts=(best[1],), why="heard anew")] if best else []
    return (
        *(hear if step == "analyze" else ()),
        *(
            Action(verb=Verb.RETAG, target=target, parts=tuple(parts), why="where its tags say something else")
            for target, parts in standing.items()
            if target not in away
        ),
        *(
            Action(verb=Verb.PUBLISH, target=target, why="if its row says something else")
            for target in catalogs
            if target not in away
        ),
        *(_park(target, tuple(parts), away) for target, parts in standing.items() if target in away),
        *(_park(target, (), away) for target in catalogs if target in away),
    )


def idle(actions: Sequence[Action]) -> bool:
    """Whether there is nothing that can be done now."""
    return all(action.verb is Verb.PARK for action in actions)


def _park(target: str, parts: tuple[str, ...], away: Mapping[str, str]) -> Action:
    return Action(verb=Verb.PARK, target=target, parts=parts, why=away[target])


def _row_reason(lacks: bool) -> str:
    return "its row is missing or says something else" if lacks else "its files change"
