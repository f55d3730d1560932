"""musicsyncctl service as typed: refusals before anything is written, and launchd's commands on a recorder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.ctl import main
from musicsyncd.ctl.service_launchd import Launchd
from musicsyncd.ctl.service_manager import remove, write
from musicsyncd.ctl.service_systemd import Systemd
from musicsyncd.ctl.service_unit import Plan, unit
from musicsyncd.errors import Permanent

PLAN = Plan(python="/usr/bin/python3", path="/usr/bin:/bin")
TOLD = """gui/501/local.musicsyncd = {
\tactive count = 1
\tpath = /Users/me/Library/LaunchAgents/local.musicsyncd.plist
\tstate = running
\truns = 3
\tpid = 4711
\tendpoints = {
\t\tstate = other
\t}
}"""


PROGRAM = """#!/bin/sh
echo "{name} $*" >> {notes}
case $1 in
bootout) echo 1 > {home}/leaving ;;
print)
  cat {home}/told
  [ -e {home}/leaving ] && {{ rm {home}/leaving; : > {home}/told; exit 0; }}
  [ -s {home}/told ] || exit 113
esac
exit 0
"""
"""What it says of an agent that was put out, it says once more: that takes a moment."""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without settings, whose path leaves room for a socket's."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "MUSICSYNCD_"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="ms-") as folder:
        monkeypatch.setenv("HOME", folder)
        yield Path(folder)


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which programs called `launchctl` and `systemctl` note what they were asked."""
    notes, programs = home / "asked", home / "programs"
    programs.mkdir()
    (home / "told").write_text(TOLD)
    for name in ("launchctl", "systemctl"):
        program = programs / name
        program.write_text(PROGRAM.format(name=name, notes=notes, home=home))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return notes


def test_print_shows_what_would_be_written_and_writes_nothing(
    home: Path, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With this environment's interpreter and the programs' folders; nobody is asked."""
    assert main(["--config", os.devnull, "service", "install", "--print"]) == 0
    told = capsys.readouterr().out
    assert f"ExecStart={sys.executable} -m musicsyncd --config {os.devnull}" in told
    assert f"PATH={Path(sys.executable).parent}:" in told
    assert not asked.exists()
    assert not (home / ".config").exists()


def test_dev_mode_is_a_service_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Another name, and the flag."""
    assert main(["--mode", "dev", "service", "install", "--print"]) == 0
    assert "-m musicsyncd --mode dev\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "flags", "code"),
    [("[outptu]\n", [], 9), ("", ["--user", "me"], 1)],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    home: Path, asked: Path, config: str, flags: list[str], code: int
) -> None:
    """Wrong settings, or flags that make no sense together."""
    (home / "c.toml").write_text(config)
    assert main(["--config", str(home / "c.toml"), "service", "install", *flags]) == code
    assert not asked.exists()


def test_the_systems_service_must_not_live_below_a_home(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could not see its own program: exit 7, and what to do."""
    monkeypatch.setattr(sys, "executable", "/home/me/venv/bin/python")
    assert main(["service", "install", "--system", "--print"]) == 7
    assert "/opt/musicsyncd" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "flags", "said"),
    [
        ('[ytdlp]\nca_file = "/home/me/ca.pem"', [], "cannot see /home/me/ca.pem"),
        ('[youtube]\ncookies_file = "/home/me/cookies.txt"', [], "cannot see /home/me/cookies.txt"),
        ('[log]\nfile = "/home/me/m.log"', [], "cannot see /home/me/m.log"),
        ('[daemon]\nstate_dir = "/root/state"', [], "cannot see /root/state"),
        ('[[volumes]]\nname = "v"\npath = "/home/me/Music"', [], "--user NAME"),
        ('[[volumes]]\nname = "v"\npath = "/home/me/Music"', ["--user", "me"], ""),
        ('[[inbox]]\npath = "/home/me/in"\n[plans]\ndir = "/home/me/plans"', [], ""),
    ],
)
def test_what_the_systems_service_would_not_see_is_said(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    flags: list[str],
    said: str,
) -> None:
    """Folders are let in, files are not; who writes below a home is somebody there."""
    monkeypatch.setattr("musicsyncd.ctl.service._refuse_program", lambda python: None)
    (home / "c.toml").write_text(config)
    code = main(["--config", str(home / "c.toml"), "service", "install", "--system", "--print", *flags])
    assert (code, said in capsys.readouterr().err) == (7 if said else 0, True)


def test_a_shells_variables_are_named_as_missing_and_not_shown(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that only the shell knows: its name is told, its value is in neither output nor unit."""
    monkeypatch.setenv("NOTION_TOKEN", "cAnaRy")
    main(["service", "install", "--no-start"])
    out, err = capsys.readouterr()
    assert "NOTION_TOKEN" in err
    assert "cAnaRy" not in out + err + Systemd("musicsyncd", system=False).path.read_text()
    assert [line.split()[2] for line in asked.read_text().splitlines()] == ["daemon-reload", "enable", "show"]


def test_a_file_that_is_not_ours_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    """A person's own unit of that name stays."""
    file = tmp_path / "musicsyncd.service"
    file.write_text("[Service]\n")
    for act in (lambda: write(file, b"x"), lambda: remove(file)):
        with pytest.raises(Permanent):
            act()
    assert file.read_text() == "[Service]\n"


def test_launchd_is_asked_in_its_own_words(home: Path, asked: Path) -> None:
    """Install is bootout and bootstrap; the agent lies where launchd looks; uninstall leaves no file."""
    agent, target = Launchd("musicsyncd-dev"), f"gui/{os.getuid()}/local.musicsyncd-dev"
    path = agent.install(Plan(python="/usr/bin/python3", path="/bin", dev=True), start=True)
    assert path == home / "Library/LaunchAgents/local.musicsyncd-dev.plist"
    assert asked.read_text().splitlines() == [
        f"launchctl bootout {target}",
        *[f"launchctl print {target}"] * 2,  # until it is gone
        f"launchctl enable {target}",
        f"launchctl bootstrap gui/{os.getuid()} {path}",
    ]
    asked.unlink()
    (home / "told").write_text(TOLD)
    agent.start()
    agent.stop()
    assert agent.uninstall() == [path]
    words = ["print", "kickstart", "print", "kill", "bootout", "print", "print"]
    assert [line.split()[1] for line in asked.read_text().splitlines()] == words
    assert list(home.rglob("*.plist*")) == []
    with pytest.raises(Permanent, match="service install"):
        agent.start()


def test_what_does_not_run_is_stopped_already(home: Path, asked: Path) -> None:
    """`launchctl kill` would fail where there is no process."""
    agent = Launchd("musicsyncd")
    agent.install(PLAN, start=False)
    asked.unlink()
    agent.stop()
    assert [line.split()[1] for line in asked.read_text().splitlines()] == ["print"]


@pytest.mark.parametrize("before", [False, True])
def test_a_unit_that_nobody_takes_up_is_not_left_behind(home: Path, asked: Path, before: bool) -> None:
    """Without a bus: what was not there before is gone again, and an older one stays as it was asked to be."""
    (home / "programs" / "systemctl").write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    own = Systemd("musicsyncd", system=False)
    if before:
        write(own.path, unit(PLAN).encode())
    with pytest.raises(Permanent, match="does not answer"):
        own.install(PLAN, start=True)
    assert own.path.exists() == before


def test_what_launchd_prints_is_understood(home: Path, asked: Path) -> None:
    """State, pid and restarts of the agent itself, not of what is nested in it; nothing printed is not loaded."""
    agent = Launchd("musicsyncd")
    standing = agent.standing()
    assert (standing.running, standing.state, standing.pid, standing.restarts) == (True, "running", 4711, 2)
    assert "Full Disk Access" in standing.note
    (home / "told").write_text("")
    standing = agent.standing()
    assert (standing.running, standing.state, standing.pid, standing.path) == (False, "not loaded", None, "")
