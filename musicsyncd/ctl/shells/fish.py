"""The script for fish: a line for each word and flag, with the level at which it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from musicsyncd.ctl.completion import Flag, Level

_HEAD: Final = """\
function __musicsyncctl_at
    set -l at ''
    set -l skip ''
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip ''
        else if string match -q -- '-*' $word
            contains -- "$at $word" {takers}; and set skip $word
        else
            set -l next (string trim -- "$at $word")
            contains -- $next {paths}; and set at $next
        end
    end
    test "$at" = "$argv[1]"
end
complete -c musicsyncctl -f
"""


def script(levels: Sequence[Level]) -> str:
    """What stands in the file of that name in fish's folder of completions."""
    takers = [f"{one.path} {name}" for one in levels for flag in one.flags if flag.takes for name in flag.spellings]
    paths = [one.path for one in levels if one.path]
    head = _HEAD.format(takers=" ".join(map(_quoted, takers)), paths=" ".join(map(_quoted, paths)))
    return head + "".join(f"complete -c musicsyncctl -n {line}\n" for one in levels for line in _lines(one))


def _lines(level: Level) -> Iterator[str]:
    here = _quoted(f"__musicsyncctl_at {_quoted(level.path)}")
    for word, told in level.words:
        yield f"{here} -a {_quoted(word)}" + _told(told)
    if level.kind:
        yield f"{here} -F"
    for flag in level.flags:
        yield here + _spelled(flag) + _value(flag) + _told(flag.help)


def _spelled(flag: Flag) -> str:
    long = [one[2:] for one in flag.spellings if one.startswith("--")]
    short = [one[1:] for one in flag.spellings if not one.startswith("--")]
    return "".join(f" -l {one}" for one in long) + "".join(f" -s {one}" for one in short)


def _value(flag: Flag) -> str:
    if not flag.takes:
        return ""
    if flag.choices:
        return f" -x -a {_quoted(' '.join(flag.choices))}"
    if flag.kind == "folders":
        return " -x -a '(__fish_complete_directories)'"
    return " -r -F" if flag.kind else " -x"


def _told(text: str) -> str:
    return f" -d {_quoted(text)}" if text else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
