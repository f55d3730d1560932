"""musicsyncctl match: where a track's audio comes from and why, what a person has to decide, and deciding it."""

from __future__ import annotations

import argparse
from typing import Any, Final
from urllib.parse import quote

from musicsyncd.ctl import asking, show
from musicsyncd.ctl.tracks import SEE_TRACKS

SEEN: Final = 3
"""Candidates of each undecided track that `review` shows."""
COLOURS: Final = {"accept": "green", "review": "yellow", "refuse": "dim"}
STATES: Final = {
    "own": "its own source has the audio",
    "pinned": "a person named it",
    "chosen": "chosen by the matcher",
    "undecided": "a person has to say which one it is: musicsyncctl match pin TRACK URL",
    "nothing": "no candidate can be taken: musicsyncctl match pin TRACK URL",
    "not searched": "not searched for yet",
}


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(
        groups, "match", lambda args: args.misused(), "explain TRACK, review, pin TRACK URL, unpin TRACK", json=False
    )
    parser.set_defaults(misused=lambda: parser.error("Say explain TRACK, review, pin TRACK URL or unpin TRACK"))
    verbs = parser.add_subparsers(metavar="VERB")
    explained = asking.verb(verbs, "explain", explain, "every candidate for a track's audio, its score and the reasons")
    explained.add_argument("track", metavar="TRACK", type=asking.reference)
    reviewed = asking.verb(verbs, "review", review, "tracks for whose audio a person has to say which candidate it is")
    reviewed.add_argument("--limit", type=asking.listed, metavar="N", default=50, help="how many (default 50)")
    pinned = asking.verb(verbs, "pin", pin, "say where a track's audio is; it is obeyed for ever")
    pinned.add_argument("track", metavar="TRACK", type=asking.reference)
    pinned.add_argument("url", metavar="URL")
    unpinned = asking.verb(verbs, "unpin", unpin, "let a search decide again")
    unpinned.add_argument("track", metavar="TRACK", type=asking.reference)
    for one in (explained, reviewed, pinned, unpinned):
        one.set_defaults(json=False)


def explain(args: argparse.Namespace) -> int:
    """One track, whole."""
    with asking.helped(SEE_TRACKS):
        answer = asking.client(args).get(_path(args.track, "match"))
    show.as_json(answer) if args.json else _print(answer, len(answer["candidates"]))
    return 0


def review(args: argparse.Namespace) -> int:
    """The undecided, each with its best candidates."""
    answer = asking.client(args).get(f"/v1/matches?limit={args.limit}")
    if args.json:
        show.as_json(answer)
    elif answer["matches"]:
        for one in answer["matches"]:
            _print(one, SEEN)
        print("Name the right one: musicsyncctl match pin TRACK URL")
    else:
        print("Nothing waits for a decision.")
    return 0


def pin(args: argparse.Namespace) -> int:
    """Say it, and have it fetched."""
    with asking.helped(SEE_TRACKS):
        answer = asking.client(args).post(_path(args.track, "pin"), {"url": args.url})
    show.as_json(answer) if args.json else print(f"It is taken from there from now on. Asked: job {answer['jobs'][0]}")
    return 0


def unpin(args: argparse.Namespace) -> int:
    """Take it back."""
    with asking.helped(SEE_TRACKS):
        answer = asking.client(args).post(_path(args.track, "unpin"))
    show.as_json(answer) if args.json else _print(answer, SEEN)
    return 0


def _path(track: str, what: str) -> str:
    return f"/v1/tracks/{quote(track, safe='')}/{what}"


def _print(answer: dict[str, Any], most: int) -> None:
    length = f", {show.span(answer['duration'])}" if answer["duration"] else ""
    print(show.coloured(show.one_line(f"{answer['label']}{length}"), "bold") + f"  {answer['track']}")
    told = STATES[answer["state"]] + (f": {answer['pin']}" if answer["pin"] else "")
    print(show.one_line(f"  {answer['source']}: {told}"))
    for one in answer["troubles"]:
        print(show.one_line(f"  not asked: {one}"))
    for one in answer["candidates"][:most]:
        _print_candidate(one)


def _print_candidate(one: dict[str, Any]) -> None:
    verdict = "taken" if one["chosen"] else one["verdict"]
    length = f"  {show.span(one['duration'])}" if one["duration"] else "  unknown length"
    by = f"  by {one['uploader']}" if one["uploader"] else ""
    print(
        "  " + show.coloured(f"{verdict:<7}", COLOURS[one["verdict"]])
        + show.one_line(f"{one['score']:.2f}  {one['title']}{by}{length}  {one['url']}")
    )  # fmt: skip
    for reason in one["reasons"]:
        print(show.one_line(f"      {reason}"))
    if one["tried"]:
        print(show.one_line(f"      tried: {show.sentence(one['tried'])}"))
