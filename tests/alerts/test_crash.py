"""A real process, killed between writing down and telling, and between telling and writing that down."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alerts.toy import KEYS

ROOT = Path(__file__).parents[2]


def run(folder: Path, where: str = "") -> int:
    """The exit status of one run."""
    done = subprocess.run([sys.executable, "-m", "tests.alerts.toy", str(folder), where], cwd=ROOT, check=False)
    return done.returncode


@pytest.mark.parametrize("deaths", [("before",), ("after",), ("before", "after", "before", "after")])
def test_what_was_observed_is_told_after_any_death(tmp_path: Path, deaths: tuple[str, ...]) -> None:
    """Each once, but for the one whose answer was lost: that one says so, with its old id, and leads to one page."""
    (tmp_path / "pages").mkdir()
    assert run(tmp_path, "observed") == -signal.SIGKILL
    assert not (tmp_path / "told").exists()
    for where in deaths:
        assert run(tmp_path, where) == -signal.SIGKILL
    assert run(tmp_path) == 0
    told = [line.split() for line in (tmp_path / "told").read_text().splitlines()]
    assert {key for key, _, _ in told} == set(KEYS)
    assert len({id_ for _, id_, _ in told}) == len(KEYS)
    assert len(told) == len(KEYS) + deaths.count("after")
    assert len([*(tmp_path / "pages").iterdir()]) == len(KEYS)
    assert run(tmp_path) == 0
    assert len((tmp_path / "told").read_text().splitlines()) == len(told)
