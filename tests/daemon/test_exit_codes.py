"""What the process ends with, under launchd and elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd import log
from musicsyncd.__main__ import HOPELESS
from musicsyncd.ctl.service_unit import UNITS


@pytest.mark.parametrize(("agent", "code"), [("local.musicsyncd", 0), ("application.com.apple.Terminal.1", 9), ("", 9)])
def test_wrong_settings_are_no_reason_for_launchd_to_try_for_ever(tmp_path: Path, agent: str, code: int) -> None:
    """launchd starts again whatever does not end with 0; the reason is on stderr in any case."""
    (tmp_path / "c.toml").write_text("[nonsense]\n")
    done = subprocess.run(
        [sys.executable, "-m", "musicsyncd", "--config", str(tmp_path / "c.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "XPC_SERVICE_NAME": agent},
    )
    assert done.returncode == code
    assert "nonsense" in done.stderr


def test_a_reload_that_is_asked_for_too_early_ends_nobody() -> None:
    """`systemctl reload` while it starts: SIGHUP would end the process, and systemd takes that for a wanted end."""
    program = (
        "import os, signal, sys; from musicsyncd import __main__ as it;"
        "it._run = lambda args: os.kill(os.getpid(), signal.SIGHUP) or 5;"
        "sys.exit(it.main([]))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 5


def test_systemd_knows_the_same_codes() -> None:
    """What is useless to repeat is the same list on both."""
    (line,) = [
        one
        for one in (UNITS / "musicsyncd.service").read_text().splitlines()
        if one.startswith("RestartPreventExitStatus=")
    ]
    assert set(map(int, line.partition("=")[2].split())) == HOPELESS


def test_a_log_without_stderr_writes_the_file_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """launchd's file of what a program says is never rotated."""
    import structlog

    log.configure(file=tmp_path / "a.log", stderr=False)
    structlog.get_logger().warning("seen")
    log.shutdown()
    assert "seen" in (tmp_path / "a.log").read_text()
    assert capsys.readouterr().err == ""
    log.configure(file=None, stderr=False)
    structlog.get_logger().warning("where else")
    log.shutdown()
    assert "where else" in capsys.readouterr().err
