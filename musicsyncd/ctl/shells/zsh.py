"""The script for zsh: the same walk as bash's, and each word with what it means."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from musicsyncd.ctl.completion import Flag, Level

_SCRIPT: Final = """\
#compdef musicsyncctl
_musicsyncctl() {{
    local at='' word skip='' files=''
    local -a offers flags
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n $skip ]]; then
            skip=''
        elif [[ $word == -* ]]; then
            case "$at $word" in
                ({takers}) skip=$word ;;
            esac
        else
            case "${{at:+$at }}$word" in
                ({paths}) at="${{at:+$at }}$word" ;;
            esac
        fi
    done
    if [[ -n $skip ]]; then
        case "$at $skip" in
{values}        esac
    else
        case "$at" in
{levels}        esac
    fi
    if [[ -z $skip && $PREFIX == -* ]]; then
        _describe option flags
        return
    fi
    (( ${{#offers}} )) && _describe word offers
    [[ $files == files ]] && _files
    [[ $files == folders ]] && _files -/
    return 0
}}
if [[ ${{funcstack[1]:-}} == _musicsyncctl ]]; then
    _musicsyncctl "$@"
else
    compdef _musicsyncctl musicsyncctl
fi
"""


def script(levels: Sequence[Level]) -> str:
    """What `eval` takes after compinit; as a file named `_musicsyncctl` on the fpath it is loaded when needed."""
    takers = [f"{one.path} {flag}" for one in levels for flag in _spelled(flag for flag in one.flags if flag.takes)]
    return _SCRIPT.format(
        takers=_patterns(takers),
        paths=_patterns(one.path for one in levels if one.path),
        values="".join(_values(one, flag) for one in levels for flag in one.flags if flag.choices or flag.kind),
        levels="".join(map(_level, levels)),
    )


def _values(level: Level, flag: Flag) -> str:
    where = _patterns(f"{level.path} {one}" for one in flag.spellings)
    return f"            ({where}) offers=({_described((one, '') for one in flag.choices)}) files={flag.kind} ;;\n"


def _level(level: Level) -> str:
    flags = _described((one, flag.help) for flag in level.flags for one in flag.spellings)
    told = f"offers=({_described(level.words)}) flags=({flags}) files={level.kind}"
    return f"            ({shlex.quote(level.path)}) {told} ;;\n"


def _described(words: Iterable[tuple[str, str]]) -> str:
    return " ".join(shlex.quote(f"{word}:{told}" if told else word) for word, told in words)


def _spelled(flags: Iterable[Flag]) -> list[str]:
    return [one for flag in flags for one in flag.spellings]


def _patterns(texts: Iterable[str]) -> str:
    return "|".join(map(shlex.quote, texts))
