"""musicsyncctl status: how the daemon is, on one screen: what a person should see to comes first."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Final

from musicsyncd.ctl import asking, show

PLANS_NAMED = 3
"""Changed plans that are called by their names."""
MOST_ATTENTION: Final = 8
"""Troubles that are told here; the others are counted."""
MOST_RUNNING: Final = 8
INDENT: Final = 15
"""Columns of a label."""
MOST_UNABLE: Final = 6
"""Fields that a catalog cannot hold, by name."""
QUIET: Final = ("on demand", "not set up")
"""States of sources that need no line of their own."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "status", status, "how the daemon is, what it does and what needs a person")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="show what changes, until interrupted; not on a terminal: changed lines only",
    )


def status(args: argparse.Namespace) -> int:
    """Print it once, or until interrupted."""
    asked = asking.client(args)
    if args.watch:
        from musicsyncd.ctl import watching

        return watching.watch(asked, as_json=args.json)
    answer = asked.get("/v1/status")
    show.as_json(answer) if args.json else print("\n".join([head(answer), *lines(answer)]))
    asking.warn_if_older(asked)
    return 0


def screen(answer: dict[str, Any]) -> None:
    """The answer, for people."""
    print(head(answer))
    _print_rest(answer)


def head(answer: dict[str, Any]) -> str:
    """The first line, which never stands still."""
    return show.coloured(_head(answer), "bold")


def lines(answer: dict[str, Any]) -> list[str]:
    """The rest of the answer, as lines."""
    with redirect_stdout(io.StringIO()) as told:
        _print_rest(answer)
    return told.getvalue().splitlines()


def _print_rest(answer: dict[str, Any]) -> None:
    for lines in (_attention(answer), _parts(answer), _running(answer)):
        for line in lines:
            print(line)
    print()
    if "sources" in answer:  # an older daemon tells nothing of them
        _print_sources(answer["sources"], {one["service"]: one for one in answer["accounts"]})
    for line in (*_queue(answer), *_schedule(answer.get("schedule", {}))):
        print(line)
    print()
    _print_targets(answer)
    for line in _library(answer):
        print(line)
    if not answer["jobs"] and not answer["tracks"]["tracks"]:
        print("\nNothing yet. Ask for music: musicsyncctl sync --url URL-OR-PATH")


def title(answer: dict[str, Any]) -> str:
    """Which daemon answers."""
    mode = "" if answer["mode"] == "prod" else f"  {answer['mode']} mode"
    return f"musicsyncd {answer['version']}{mode}"


def _head(answer: dict[str, Any]) -> str:
    manager = f"  under {answer['managed_by']}" if answer.get("managed_by") else ""
    facts = f"up {show.span(answer['uptime'])}  pid {answer['pid']}  mem {show.size(answer['memory'])}"
    return f"{title(answer)}  {facts}{manager}"


def _attention(answer: dict[str, Any]) -> Iterator[str]:
    """Each trouble with its remedy, the worst first, those of one severity as the daemon lists them."""
    items = sorted(answer.get("attention_items", ()), key=_urgency)
    if not items:
        return
    yield show.coloured(f"\nAttention ({len(items)}):", "yellow")
    for one in items[:MOST_ATTENTION]:
        yield from show.wrapped(f"  - {show.one_line(_told(one))}", indent=4)
        if one["fix"]:
            yield from show.wrapped(f"    do: {show.one_line(one['fix'])}", indent=8)
    if len(items) > MOST_ATTENTION:
        yield f"  and {len(items) - MOST_ATTENTION} more: musicsyncctl alerts"


def _urgency(one: dict[str, Any]) -> int:
    order = ("critical", "error", "warning", "info")
    return order.index(one["severity"]) if one["severity"] in order else len(order)


def _told(one: dict[str, Any]) -> str:
    return show.sentence({"what": one["what"], "why": one["why"]})


def _parts(answer: dict[str, Any]) -> Iterator[str]:
    for part in answer["parts"]:
        if part["state"] != "running":
            failed = f"  failed {show.counted(part['failures'], 'time')}" if part["failures"] else ""
            told = f"{part['name']}  {part['state']}{failed}  {show.one_line(part['why'])}".rstrip()
            yield _line("PART", told)


def _running(answer: dict[str, Any]) -> Iterator[str]:
    running = answer["running"]
    for job in running[:MOST_RUNNING]:
        yield _line("RUNNING", f"{job['id']}  {job['step'] or job['kind']}  {show.one_line(job['label'])}")
    if len(running) > MOST_RUNNING:
        yield _line("", f"and {len(running) - MOST_RUNNING} more: musicsyncctl jobs --state running")


def _print_sources(sources: list[dict[str, Any]], accounts: Mapping[str, dict[str, Any]]) -> None:
    """A line for each that offers something or is in trouble, or where somebody is signed in; the others in one."""
    told = [one for one in sources if one["state"] not in QUIET or one["signed_in"]]
    rows = [
        [
            one["name"],
            one["state"],
            show.ago(one["last_pass_at"]),
            _number(one["last_found"]),
            _number(one["last_new"]),
            show.clock_time(one["resting_until"] or one["next_pass_at"]),
            one["note"] or _standing(one, accounts.get(one["name"])),
        ]
        for one in told
    ]
    if rows:
        show.table(rows, ("SOURCE", "STATE", "LAST PASS", "FOUND", "NEW", "NEXT", "NOTE"), clip=(6,))
    for state in QUIET:
        if names := [one["name"] for one in sources if one["state"] == state and one not in told]:
            print(_line(state.upper() if rows else f"SOURCES {state}", ", ".join(names)))


def _standing(source: dict[str, Any], account: dict[str, Any] | None) -> str:
    """What there is to say of a source that nothing hinders."""
    if source["paused_since"]:
        return f"paused since {show.clock_time(source['paused_since'])}"
    return show.account(account) if account and source["signed_in"] else ""


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _queue(answer: dict[str, Any]) -> Iterator[str]:
    """Nothing but its state where the daemon is an older one."""
    queue = answer.get("queue")
    if queue is None:
        return
    waiting = f"waiting {queue['waiting']:,}"
    if queue["oldest_waiting"] is not None:
        waiting += f" (oldest {show.span(queue['oldest_waiting'])})"
    told = [f"running {queue['running']:,}", waiting, f"failed {queue['failed']:,}"]
    if queue["ended_last_hour"]:
        failed = f" ({queue['failed_last_hour']:,} failed)" if queue["failed_last_hour"] else ""
        told.append(f"{queue['ended_last_hour']:,} ended in the last hour{failed}")
    if queue["next_due"]:
        told.append(f"next try {show.clock_time(queue['next_due'])}")
    yield from _lines("QUEUE", told)


def _schedule(schedule: dict[str, Any]) -> Iterator[str]:
    """What begins by itself, in lines; an older daemon tells nothing."""
    if due := schedule.get("next"):
        times = sorted(due.items(), key=lambda one: str(one[1]))
        yield from _lines("NEXT RUNS", [f"{name} {show.clock_time(at)}" for name, at in times])
    if (origin := schedule.get("origin")) and origin != "config.toml":
        others = f"  (left to others: {len(schedule.get('others') or ())})" if schedule.get("others") else ""
        yield show.one_line(_line("SCHEDULE", f"{origin}{others}"))
    if paused := schedule.get("paused"):
        told = "  ".join(f"{name} since {show.clock_time(since)}" for name, since in paused.items())
        yield show.coloured(_line("PAUSED", show.one_line(told)), "yellow")
    if plans := schedule.get("changed_plans"):
        more = f" and {len(plans) - PLANS_NAMED} more" if len(plans) > PLANS_NAMED else ""
        yield show.one_line(_line("PLANS CHANGED", f"{len(plans)}  {', '.join(plans[:PLANS_NAMED])}{more}"))


def _print_targets(answer: dict[str, Any]) -> None:
    rows = [
        [
            one["name"],
            one["condition"],
            show.size(one["free"]),
            f"{one['parked']:,} waiting" if one["parked"] else "",
            one["path"] or one["usual"],
        ]
        for one in answer["volumes"]
    ]
    if rows:
        show.table(rows, ("VOLUME", "STATE", "FREE", "", "PATH"), clip=(4,))
    else:
        print(_line("VOLUMES", "none: musicsyncctl volumes add PATH NAME"))
    for catalog in answer.get("catalog_standing", ()):
        for line in _catalog(catalog):
            print(line)
    if answer["mode"] == "dev":
        print(_line("", "scratch catalog: dev mode does not open Notion"))


def _catalog(one: dict[str, Any]) -> Iterator[str]:
    told = [one["name"], f"{show.counted(one['rows'], 'row')}", f"{one['in_step']:,} in step"]
    told += [f"{one[key]:,} {word}" for key, word in _COUNTS if one[key]]
    if one["mirrored"]:
        told.append(f"read {show.ago(one['read_until'])}" if one["read_until"] else "never read yet")
    yield from _lines("CATALOG", told)
    if service := one["service"]:
        yield _line("", _service(service))
    if one["note"]:
        yield from show.wrapped(_line("", show.one_line(one["note"])), indent=INDENT)
    if names := [*one["unable"]]:
        more = f" and {len(names) - MOST_UNABLE} more" if len(names) > MOST_UNABLE else ""
        yield from show.wrapped(_line("", f"cannot hold: {', '.join(names[:MOST_UNABLE])}{more}"), indent=INDENT)


_COUNTS: Final = (("lacking", "lacking"), ("parked", "waiting"), ("unsure", "unsure"))


def _service(one: dict[str, Any]) -> str:
    """How fast it is asked, and until when it is left alone."""
    told = [f"{one['requests_last_minute']:,} of {one['allowed_per_minute']:g} requests a minute"]
    if one["waiting"]:
        told.append(f"{one['waiting']:,} waiting")
    if one["resting_until"]:
        told.append(f"rests until {show.clock_time(one['resting_until'])}")
    return show.one_line("  ".join([*told, one["why"]]).rstrip())


def _library(answer: dict[str, Any]) -> Iterator[str]:
    """The numbers, as shares; how many tracks there are comes first."""
    tracks = answer["tracks"]
    told = [show.counted(tracks["tracks"], "track")]
    told += [f"{tracks[name]:,} {word}" for name, word in _KINDS if tracks.get(name)]
    coverage = answer.get("coverage", {}) if tracks["tracks"] else {}
    shares = [f"{word} {show.share(**coverage[name])}" for name, word in _SHARES if name in coverage]
    yield from _lines("LIBRARY", told)
    yield from _lines("", shares)


_KINDS: Final = (
    ("duplicates", "left out as duplicates"),
    ("failed", "failed"),
    ("parked", "waiting for a target"),
    ("skipped", "skipped"),
)
_SHARES: Final = (
    ("standing", "complete"),
    ("files", "files"),
    ("bpm", "BPM"),
    ("key", "key"),
    ("fingerprint", "sound"),
    ("catalog", "catalog"),
)


def _lines(label: str, parts: Sequence[str]) -> Iterator[str]:
    """The parts behind their label, in as many lines as the terminal wants."""
    for number, line in enumerate(show.flowing(parts, indent=INDENT)):
        yield _line("" if number else label, line)


def _line(label: str, text: str) -> str:
    return f"{label:<13}  {text}"
