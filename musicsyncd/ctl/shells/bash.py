"""The script for bash: one function that finds the level it is at, and offers what may follow there."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from musicsyncd.ctl.completion import Flag, Level

_SCRIPT: Final = """\
_musicsyncctl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} at='' word number skip='' words flags files values
    COMPREPLY=()
    for ((number = 1; number < COMP_CWORD; number++)); do
        word=${{COMP_WORDS[number]}}
        if [[ $skip ]]; then
            skip=''
        elif [[ $word == -* ]]; then
            case "$at $word" in
                {takers}) skip=$word ;;
            esac
        else
            case "${{at:+$at }}$word" in
                {paths}) at="${{at:+$at }}$word" ;;
            esac
        fi
    done
    if [[ $skip ]]; then
        values='' files=''
        case "$at $skip" in
{values}        esac
        _musicsyncctl_offer "$cur" "$values" "$files"
        return
    fi
    words='' flags='' files=''
    case "$at" in
{levels}    esac
    if [[ $cur == -* ]]; then
        _musicsyncctl_offer "$cur" "$flags" ''
    else
        _musicsyncctl_offer "$cur" "$words" "$files"
    fi
}}
_musicsyncctl_offer() {{
    local line
    while IFS= read -r line; do
        [[ $line ]] && COMPREPLY+=("$line")
    done < <(compgen -W "$2" -- "$1"; [[ $3 ]] && compgen "$3" -- "$1")
    [[ $3 && ${{#COMPREPLY[@]}} -gt 0 ]] && compopt -o filenames 2>/dev/null
    return 0
}}
complete -F _musicsyncctl musicsyncctl
"""
_FILES: Final = {"files": "-f", "folders": "-d", "": ""}


def script(levels: Sequence[Level]) -> str:
    """What `eval` takes."""
    takers = [f"{one.path} {flag}" for one in levels for flag in _spelled(flag for flag in one.flags if flag.takes)]
    return _SCRIPT.format(
        takers=_patterns(takers),
        paths=_patterns(one.path for one in levels if one.path),
        values="".join(_values(one, flag) for one in levels for flag in one.flags if flag.choices or flag.kind),
        levels="".join(map(_level, levels)),
    )


def _values(level: Level, flag: Flag) -> str:
    where = _patterns(f"{level.path} {one}" for one in flag.spellings)
    values, files = shlex.quote(" ".join(flag.choices)), shlex.quote(_FILES[flag.kind])
    return f"            {where}) values={values} files={files} ;;\n"


def _level(level: Level) -> str:
    words, flags = " ".join(word for word, _ in level.words), " ".join(_spelled(level.flags))
    told = f"words={shlex.quote(words)} flags={shlex.quote(flags)} files={shlex.quote(_FILES[level.kind])}"
    return f"        {shlex.quote(level.path)}) {told} ;;\n"


def _spelled(flags: Iterable[Flag]) -> list[str]:
    return [one for flag in flags for one in flag.spellings]


def _patterns(texts: Iterable[str]) -> str:
    return " | ".join(map(shlex.quote, texts))
