"""The scripts are run by the real shells: what they offer is what the parser takes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.ctl import COMMANDS, main, parser_of
from musicsyncd.ctl.completion import levels
from musicsyncd.ctl.tracks import VERBS

CTL = "import sys; from musicsyncd.ctl import main; sys.exit(main())"
CASES = [
    ("", set(COMMANDS)),
    ("st", {"status"}),
    ("tracks ", set(VERBS)),
    ("jobs ", {"show", "cancel", "retry", "logs"}),
    ("--mode ", {"prod", "dev"}),
    ("--mode dev jo", {"jobs"}),
    ("tracks export --format ", {"csv", "json", "m3u8", "rekordbox"}),
    ("tracks export --format csv --vol", {"--volume"}),
    ("tracks export --pl", {"--playlist", "--playlists"}),
    ("status --w", {"--watch"}),
    ("completion ", {"bash", "zsh", "fish"}),
    ("jobs show ", set()),
    ("tracks export --playlists ", {"crates"}),
    ("--config to", {"tone.wav"}),
]


def test_every_parser_is_a_level() -> None:
    """A verb that is added is offered."""
    found = {one.path: one for one in levels(parser_of(()))}
    assert {name for name, _ in found[""].words} == set(COMMANDS)
    assert {"jobs show", "match pin", "config check", "volumes add"} <= set(found)
    assert {word for word, _ in found["tracks"].words} == set(VERBS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_daemon_is_asked(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script comes from this process alone, and names no id."""
    assert main(["--socket", "/nowhere/c.sock", "completion", shell]) == 0
    assert "musicsyncctl" in capsys.readouterr().out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a file and a folder to complete, and the three scripts."""
    tmp_path = tmp_path_factory.mktemp("shells")
    (tmp_path / "crates").mkdir()
    (tmp_path / "tone.wav").touch()
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([sys.executable, "-c", CTL, "completion", shell], capture_output=True, check=True)
        (tmp_path / f".{shell}").write_bytes(done.stdout)
    return tmp_path


def offered(command: list[str], folder: Path) -> set[str]:
    """What a shell prints, a word on a line."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "HOME": "/"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {line.rstrip("/ ") for line in done.stdout.splitlines() if line.strip()}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
@pytest.mark.parametrize(("typed", "words"), CASES)
def test_bash(typed: str, words: set[str], folder: Path) -> None:
    """With the variables that bash sets for a completion function."""
    parts = ["musicsyncctl", *typed.split(" ")]
    script = (
        f"source ./.bash; COMP_WORDS=({' '.join(map(shlex.quote, parts))}); COMP_CWORD={len(parts) - 1}; "
        "_musicsyncctl; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    assert offered(["bash", "--norc", "-c", script], folder) == words


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
@pytest.mark.parametrize(("typed", "words"), CASES)
def test_fish(typed: str, words: set[str], folder: Path) -> None:
    """fish itself says what it would offer."""
    script = f"source ./.fish; complete -C {shlex.quote(f'musicsyncctl {typed}')}"
    found = {line.partition("\t")[0] for line in offered(["fish", "--no-config", "-c", script], folder)}
    assert {one.rstrip("/") for one in found} == words


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
@pytest.mark.parametrize(("typed", "words"), CASES)
def test_zsh(typed: str, words: set[str], folder: Path) -> None:
    """zsh's builtins that gather offers are listened to; the rest is our script."""
    parts = ["musicsyncctl", *typed.split(" ")]
    script = f"""
        compdef() {{ }}
        _describe() {{ local -a all=("${{(@P)2}}"); local one
            for one in $all; do [[ ${{one%%:*}} == $PREFIX* ]] && print -r -- ${{one%%:*}}; done; return 0 }}
        _files() {{ if [[ $1 == -/ ]]; then print -rl -- $PREFIX*(N/); else print -rl -- $PREFIX*(N); fi }}
        source ./.zsh
        words=({" ".join(map(shlex.quote, parts))}) CURRENT={len(parts)} PREFIX={shlex.quote(parts[-1])}
        _musicsyncctl
    """
    assert offered(["zsh", "-f", "-c", script], folder) == words
