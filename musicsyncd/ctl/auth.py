"""musicsyncctl auth: sign in at a service, see how long that holds, and sign out. The daemon keeps what lets it in."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Final

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show
from musicsyncd.errors import NeedsPerson

SERVICES: Final = ("spotify",)
LOOK_AGAIN: Final = 0.5
"""Seconds between two questions whether the browser has come back."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "auth", auth, "sign in at a service, or see how the sign-in is")
    parser.add_argument("service", metavar="SERVICE", choices=SERVICES, help=" or ".join(SERVICES))
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--paste", action="store_true", help="the browser is on another machine: paste the address that it is led to"
    )
    ways.add_argument("--status", action="store_true", help="how the sign-in is; exit 7 when there is none")
    ways.add_argument("--sign-out", action="store_true", help="forget what lets the daemon in")


def auth(args: argparse.Namespace) -> int:
    """Exit 0 when somebody is signed in, or was to be signed out; 7 otherwise."""
    asked, resource = asking.client(args), f"/v1/auth/{args.service}"
    if args.sign_out:
        return _shown(asked.post(f"{resource}/sign-out"), args, wanted="signed out")
    if args.status:
        return _shown(asked.get(resource), args)
    before = asked.get(resource)
    begun = asked.post(resource, {"listen": not args.paste})
    _ask_person(begun, paste=args.paste)
    answer = _pasted(asked, resource) if args.paste else _waited(asked, resource, before)
    return _shown(answer, args)


def _ask_person(begun: dict[str, Any], *, paste: bool) -> None:
    """On stderr: stdout is for the answer. No browser is opened: its command line would show the address to others."""
    print(f"Open this address in a browser and consent:\n\n{begun['url']}\n", file=sys.stderr)
    if paste:
        print(
            f"The browser is then led to {begun['redirect_uri']}, where it finds nothing.\n"
            "Copy the whole address that it shows, and paste it here:",
            file=sys.stderr,
        )
    else:
        print(
            "Waiting for the browser on this machine. If it is on another one: musicsyncctl auth spotify --paste",
            file=sys.stderr,
        )
    sys.stderr.flush()


def _pasted(asked: Client, resource: str) -> dict[str, Any]:
    line = sys.stdin.readline().strip() if sys.stdin else ""
    if not line:
        raise NeedsPerson("Nobody was signed in", why="No address was pasted", fix="Run the command again")
    return asked.post(f"{resource}/finish", {"url": line})


def _waited(asked: Client, resource: str, before: dict[str, Any]) -> dict[str, Any]:
    while (now := asked.get(resource))["waiting_until"]:
        time.sleep(LOOK_AGAIN)
    if now["authorized_at"] in (None, before["authorized_at"]):
        why = now["trouble"] or "Nobody came back from the browser in time"
        raise NeedsPerson("Nobody was signed in", why=why, fix="Run the command again")
    return now


def _shown(answer: dict[str, Any], args: argparse.Namespace, *, wanted: str = "signed in") -> int:
    if args.json:
        show.as_json(answer)
    else:
        print(f"{answer['title']}: {show.one_line(show.account(answer))}")
        if answer["expires_at"]:
            print(f"Sign in again before {show.clock_time(answer['expires_at'])}")
        for text in filter(None, (answer["note"], *((answer["why"], answer["fix"]) if wanted == "signed in" else ()))):
            print(show.one_line(show.sentence({"what": text})))
    return 0 if answer["state"] == wanted else NeedsPerson.exit_code
