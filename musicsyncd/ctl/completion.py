"""musicsyncctl completion: what a shell needs to complete our commands. Drawn from the parser; asks no daemon."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.ctl import asking
from musicsyncd.ctl.shells import bash, fish, zsh

SHELLS: Final = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
HINTS: Final = {
    "bash": 'eval "$(musicsyncctl completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(musicsyncctl completion zsh)"  in ~/.zshrc, after compinit',
    "fish": "musicsyncctl completion fish > ~/.config/fish/completions/musicsyncctl.fish",
}
FILES: Final = ("FILE", "PATH", "MUSIC", "URL")
"""What arguments are called that may be a file's name."""
FOLDERS: Final = ("DIR",)


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One option of a command."""

    spellings: tuple[str, ...]
    help: str
    takes: bool
    """Whether a value follows."""
    choices: tuple[str, ...] = ()
    kind: str = ""
    """`files` or `folders` when the value is one's name."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """What may follow after these words."""

    path: str
    """The words, `jobs show`; empty for the command itself."""
    words: tuple[tuple[str, str], ...]
    """Each with its help."""
    flags: tuple[Flag, ...]
    kind: str = ""
    """`files` when a name of one may follow."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(
        groups, "completion", completion, "a script by which a shell completes our commands", json=False
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="; ".join(HINTS.values()))


def completion(args: argparse.Namespace) -> int:
    """Print the script."""
    from musicsyncd.ctl import parser_of

    print(SHELLS[args.shell]([*levels(parser_of(()))]), end="")
    return 0


def levels(parser: argparse.ArgumentParser, path: str = "", flags: tuple[Flag, ...] = ()) -> Iterator[Level]:
    """This parser and every one below it."""
    own = [flag for action in parser._actions if action.option_strings and (flag := _flag(action))]
    spelled = {one.spellings for one in own}
    every = (*own, *(one for one in flags if one.spellings not in spelled))
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    words = [(one.dest, one.help or "") for action in below for one in action._choices_actions]
    words += [(verb, "") for verb in parser.get_default("verbs") or ()]
    rest = [action for action in parser._actions if not action.option_strings and action not in below]
    words += [(str(choice), "") for action in rest for choice in action.choices or ()]
    kind = "files" if any(action.metavar in FILES for action in rest) else ""
    yield Level(path=path, words=tuple(words), flags=every, kind=kind)
    for action in below:
        for name, child in action.choices.items():
            yield from levels(child, f"{path} {name}".strip())


def _flag(action: argparse.Action) -> Flag | None:
    if action.help == argparse.SUPPRESS:
        return None
    kind = "files" if action.metavar in FILES else "folders" if action.metavar in FOLDERS else ""
    return Flag(
        spellings=tuple(action.option_strings),
        help=(action.help or "").replace("%%", "%"),
        takes=action.nargs != 0,
        choices=tuple(str(choice) for choice in action.choices or ()),
        kind=kind,
    )
