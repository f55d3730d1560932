"""What the commands share of asking the daemon: the client their flags mean, and flags that several have."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from musicsyncd import __version__
from musicsyncd.control.client import Client
from musicsyncd.ctl.where import socket_path
from musicsyncd.errors import BadInput

Command = Callable[[argparse.Namespace], int]
MOST: Final = 1_000_000
MOST_LISTED: Final = 1000
"""Entries of one list that the daemon tells; a test holds it against the daemon's own limit."""


class Parser(argparse.ArgumentParser):
    """argparse's, for commands whose words may stand before, between and after their flags."""

    intermixed = False
    _inside = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, which takes a `nargs="*"` to be over at the first flag."""
        if not self.intermixed or self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False

    def error(self, message: str) -> NoReturn:
        """Exit 2, and say which word was probably meant in place of all that there are."""
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)$", message):
            message = _meant(found[1], [word.strip(" '") for word in found[2].split(",")], message)
        super().error(message)


def _meant(word: str, known: Sequence[str], message: str) -> str:
    """The complaint with the word that is nearest; as it was where none is near."""
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    return f"there is no {word!r}; did you mean {near[0]}?" if near else message


def client(args: argparse.Namespace) -> Client:
    """The daemon that the global flags mean."""
    return Client(socket_path(socket=args.socket, config=args.config, mode=args.mode))


def command(groups: Any, name: str, func: Command, text: str, *, json: bool = True) -> Parser:
    """A command's own parser."""
    parser: Parser = groups.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(func=func)
    if json:
        parser.add_argument("--json", action="store_true", help="print the daemon's answer as JSON")
    return parser


def verb(verbs: Any, name: str, func: Command, text: str) -> Parser:
    """The parser of a verb of a command; a `--json` before the verb holds for it too."""
    parser = command(verbs, name, func, text, json=False)
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print the daemon's answer as JSON"
    )
    return parser


def count(text: str, most: int = MOST) -> int:
    """A flag's whole number, from 1 on; ArgumentTypeError for any other text."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {most}")
    return number


def listed(text: str) -> int:
    """How many entries of a list are wanted; ArgumentTypeError for more than the daemon tells at once."""
    return count(text, MOST_LISTED)


def reference(text: str) -> str:
    """An id; ArgumentTypeError for none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an id is needed, or the beginning of one")
    return text


@contextmanager
def helped(fix: str) -> Iterator[None]:
    """Say what to do where the daemon refuses a question without saying it."""
    try:
        yield
    except BadInput as error:
        error.fix = error.fix or fix
        raise


def warn_if_older(asked: Client) -> None:
    """Say so when the daemon that answered is not of this command's version."""
    if asked.daemon_version and asked.daemon_version != __version__:
        note = (
            f"musicsyncctl is {__version__}, the daemon is {asked.daemon_version}: restart the daemon after an upgrade"
        )
        print(f"musicsyncctl: {note}.", file=sys.stderr)
