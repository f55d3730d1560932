"""What `service install` writes: the same as in `service/`, understood by systemd, locked in, loadable by launchd."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.ctl import service_unit
from musicsyncd.ctl.service_unit import Plan, agent, unit
from musicsyncd.daemon.notify import LAUNCHD_LABEL
from musicsyncd.errors import BadInput
from tests.service.rendered import FOLDER, PATH, rendered

PLAN = Plan(python=sys.executable, path=PATH)
PLANS = {
    "user": PLAN,
    "user dev": Plan(python=sys.executable, path=PATH, dev=True, config="/a b/100% mine/config.toml"),
    "system": Plan(python=sys.executable, path=PATH, system=True),
    "system user": Plan(
        python=sys.executable,
        path=PATH,
        system=True,
        user="daemon",
        volumes=(Path("/home/me/My Music"), Path("/data/music"), Path("/media/USB")),
        readable=(Path("/home/me/In box"), Path("/home/me/My Music/inbox"), Path("/data/inbox")),
    ),
}
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.mark.parametrize("path", rendered(), ids=lambda path: path.parent.name)
def test_the_files_in_service_are_what_install_writes(path: Path) -> None:
    """Else: python -m tests.service.rendered."""
    assert path.read_bytes() == rendered()[path]
    assert {one for one in FOLDER.rglob("*") if one.is_file()} == {*rendered(), FOLDER / "README.md"}


@needs_systemd
@pytest.mark.parametrize("name", PLANS)
def test_systemd_understands_every_word(name: str, tmp_path: Path) -> None:
    """`verify` exits 0 whatever key it does not know: what counts is that it says nothing."""
    file = tmp_path / f"{PLANS[name].name}.service"
    file.write_text(unit(PLANS[name]))
    assert analysed("--user" if not PLANS[name].system else "--system", "verify", str(file), folder=tmp_path) == ""
    file.write_text(unit(PLANS[name]).replace("KillMode=", "KillMood="))
    assert "KillMood" in analysed("--user", "verify", str(file), folder=tmp_path), "and a fault would be heard"


@needs_systemd
@pytest.mark.parametrize("name", ["system", "system user"])
def test_the_systems_unit_is_locked_in(name: str, tmp_path: Path) -> None:
    """Exposure at most 2.0 of 10; the loosest value that would still count as a breach is seen."""
    file = tmp_path / "musicsyncd.service"
    file.write_text(unit(PLANS[name]))
    analysed("security", "--offline=true", "--threshold=20", "--no-pager", str(file), folder=tmp_path)
    file.write_text(unit(PLANS["user"]))
    with pytest.raises(subprocess.CalledProcessError):
        analysed("security", "--offline=true", "--threshold=20", "--no-pager", str(file), folder=tmp_path)


def analysed(*words: str, folder: Path) -> str:
    """What systemd-analyze complained of; CalledProcessError when it failed."""
    (folder / "run").mkdir(exist_ok=True)
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder / "run"), "LC_ALL": "C"}
    argv = ["systemd-analyze", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, env=environ).stderr


def test_a_volume_below_a_home_is_let_in_alone() -> None:
    """The rest of the homes stays hidden, and what lies in the usual places needs no line."""
    lines = unit(PLANS["system user"]).splitlines()
    assert "User=daemon" in lines
    assert "DynamicUser=yes" not in lines
    assert 'BindPaths="-/home/me/My Music"' in lines
    assert "ProtectHome=tmpfs" in lines
    assert "ReadWritePaths=-/data/music" in lines
    assert [line for line in lines if line.startswith("BindRead")] == ['BindReadOnlyPaths="-/home/me/In box"']
    assert not any("USB" in line for line in lines)


@pytest.mark.parametrize("name", PLANS)
def test_trouble_at_the_start_is_never_given_up_on(name: str) -> None:
    """However long it takes; only codes after which another start is useless end it."""
    lines = unit(PLANS[name]).splitlines()
    assert {"StartLimitIntervalSec=0", "RestartSec=30", "RestartPreventExitStatus=2 4 7 9"} <= {*lines}
    assert lines.index("StartLimitIntervalSec=0") < lines.index("[Service]")


def test_nothing_is_left_to_be_filled_in() -> None:
    """No placeholder, no double blank line."""
    for plan in PLANS.values():
        assert "@" not in unit(plan).replace("@system-service", "").replace("@privileged @resources", "")
        assert "\n\n\n" not in unit(plan)


@pytest.mark.parametrize("path", ['/a"b', "/a\\b", "/a\nExecStartPost=/bin/evil", "/a$HOME"])
def test_a_path_that_would_mean_something_else_is_refused(path: str) -> None:
    """A folder's name becomes no directive."""
    with pytest.raises(BadInput, match="cannot stand in a systemd unit"):
        unit(Plan(python="/usr/bin/python3", path=PATH, config=path))


@pytest.mark.parametrize("places", [{"volumes": (Path("/home/me/a:b"),)}, {"readable": (Path("/home/me/a:b"),)}])
def test_a_folder_whose_name_would_be_split_is_refused(places: dict[str, tuple[Path, ...]]) -> None:
    """Elsewhere than below a home it is no trouble."""
    plan = Plan(python="/usr/bin/python3", path=PATH, system=True, user="daemon", **places)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="holds ':'"):
        unit(plan)
    elsewhere = Plan(python="/usr/bin/python3", path=PATH, system=True, volumes=(Path("/data/a:b"),))
    assert "ReadWritePaths=-/data/a:b" in unit(elsewhere).splitlines()


@pytest.mark.parametrize("dev", [False, True])
def test_launchd_can_load_the_agent(dev: bool) -> None:
    """Read back by plistlib (launchd itself is on macOS only): the keys that it knows, of the types that it wants."""
    plan = Plan(python="/opt/a b/python", path=PATH, dev=dev, config="/Users/me/ü & <b>.toml")
    facts = plistlib.loads(agent(plan, Path("/Users/me/Library/Logs")))
    assert facts["ProgramArguments"][:5] == [
        "/opt/a b/python",
        "-m",
        "musicsyncd",
        "--config",
        "/Users/me/ü & <b>.toml",
    ]
    assert (facts["Label"], facts["RunAtLoad"]) == ("local.musicsyncd-dev" if dev else "local.musicsyncd", True)
    assert facts["KeepAlive"] == {"SuccessfulExit": False}
    assert facts["ExitTimeOut"] > 2 * plan.stop_timeout
    assert facts["EnvironmentVariables"]["PATH"].startswith("/opt/musicsyncd/bin:")
    json.dumps(facts)


def test_the_daemon_knows_its_agent_by_name() -> None:
    """What it takes for launchd's is what is installed."""
    assert LAUNCHD_LABEL == service_unit.LABEL
