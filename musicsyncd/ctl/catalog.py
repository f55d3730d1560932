"""musicsyncctl catalog: look which property of Notion's databases holds what, or make a new set of databases."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from musicsyncd.ctl import asking, catalog_duplicates, show
from musicsyncd.errors import BadInput, NeedsPerson

if TYPE_CHECKING:
    from musicsyncd.notion.founding import Founded
    from musicsyncd.notion.mapping import Held
    from musicsyncd.notion.preflight import Finding
    from musicsyncd.settings import Settings

DEADLINE: Final = 120.0
FOUNDING: Final = 600.0
"""Seconds for the whole set: Notion allows some three questions a second, and may be slow."""


def register(groups: Any) -> None:
    """Add the commands."""
    text = "your book of tracks in Notion: check it, or begin one"
    group = groups.add_parser("catalog", help=text, description=f"{text.capitalize()}.")
    verbs = group.add_subparsers(metavar="COMMAND", required=True)
    asking.command(verbs, "check", check, "say which property holds what, what is missing, and what is wrong")
    maker = asking.command(
        verbs, "init", init, "make a new set of databases below a page; what is there stays as it is"
    )
    maker.add_argument(
        "page", nargs="?", default="", metavar="PAGE", help="the page's address or id (default: the only one shared)"
    )
    asking.command(verbs, "accept", accept, "say that what status tells of the book is meant so")
    catalog_duplicates.register(verbs)


def check(args: argparse.Namespace) -> int:
    """Exit 0 when nothing is in the way, 7 when a person must see to something."""
    settings = _settings(args)
    if not settings.notion.databases():
        fix = "Set notion.tracks_db, or make a new set: musicsyncctl catalog init PAGE"
        raise BadInput("The settings name no database", fix=fix)
    from musicsyncd.ctl import notion

    findings = notion.findings(settings, DEADLINE)
    fields = notion.mapping(settings, DEADLINE) if len(findings) > 1 or findings[0].ok else []
    if args.json:
        told = {"findings": [asdict(one) for one in findings], "fields": [asdict(one) for one in fields]}
        show.as_json({"schema": "musicsyncd.catalog-check/1", **told})
    else:
        _print_findings(findings)
        _print_fields(fields)
        if settings.daemon.mode == "dev":
            print("\nDev mode: nothing of this is asked or written by the daemon; rows are kept in its own catalog.")
    return 7 if any(not one.ok and one.required for one in findings) else 0


def init(args: argparse.Namespace) -> int:
    """Make what is missing, and print the ids as lines for config.toml."""
    settings, page = _settings(args), _page(args.page)
    from musicsyncd.ctl import notion

    made = notion.founded(settings, page, FOUNDING)
    if args.json:
        show.as_json({"schema": "musicsyncd.catalog-init/1", "databases": [asdict(one) for one in made]})
        return 0
    print(_fragment(made))
    return 0


def accept(args: argparse.Namespace) -> int:
    """Have the daemon believe that so many rows are gone, or that another database is the book."""
    answer = asking.client(args).post("/v1/catalog/accept")
    if args.json:
        show.as_json(answer)
    else:
        print(f"{show.one_line(answer['note'])}\nIt is meant so: the book is read anew within minutes, and believed.")
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    from musicsyncd.settings import load

    place = Path(args.config) if args.config else None
    settings = load(place, overrides={"daemon.mode": args.mode, "daemon.socket": args.socket}).settings
    if not settings.notion.token.get_secret_value():
        raise NeedsPerson("There is no token for Notion", fix="Set notion.token, or the variable NOTION_TOKEN")
    return settings


def _page(text: str) -> str:
    from musicsyncd.notion.section import check_id

    try:
        return check_id(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no page", why=f"It {error}") from error


def _fragment(made: Sequence[Founded]) -> str:
    """Lines to paste; what was done stands in remarks beside them."""
    lines = ["[notion]"]
    for one in made:
        rows = f", with {one.rows} rows" if one.rows else ""
        done = f"made{rows}" if one.made else f"was there{rows and ', now' + rows[1:]}"
        lines.append(f'{one.kind}_db = "{one.id}"  # {one.title}: {done}')
    return "\n".join(lines)


def _print_findings(findings: Sequence[Finding]) -> None:
    for one in findings:
        word, colour = ("ok", "green") if one.ok else ("FAIL", "red") if one.required else ("warn", "yellow")
        print(f"{show.coloured(f'{word:<4}', colour)}  {one.database:<12}  {show.one_line(one.what)}")
        for label, text in (("why", one.why), ("do", one.fix)):
            if text:
                print(f"      {'':<12}  {label}: {show.one_line(text)}")


def _print_fields(fields: Sequence[Held]) -> None:
    rows = [[one.database, one.field, one.property, one.type or "-", _state(one)] for one in fields]
    if rows:
        print()
        show.table(rows, head=("DATABASE", "FIELD", "PROPERTY", "TYPE", "STATE"), clip=(4,))
    if any(one.override for one in fields):
        named = 'notion.properties = { key = "Tonart", "playlists.title" = "Liste" }'
        print(f"\nAnother property is named in config.toml: {named}")


def _state(one: Held) -> str:
    if one.state == "held":
        return "ok"
    if one.state == "wrong type":
        return f"wrong type, nothing is written there; it wants {one.wants}"
    return f"missing{', and needed' if one.required else ''}; {one.wants}"
