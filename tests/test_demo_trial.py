"""`musicsyncctl try`, as a newcomer runs it: the demo comes home, and nothing stays behind but its folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fakes.running import children_of, write_wave
from tests.fakes.waiting import wait_for

CTL = "import sys; from musicsyncd.ctl import main; sys.exit(main())"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A person's, with settings of their own that the trial must not fall for; temporary things go into `folder`."""
    theirs = {
        "MUSICSYNCD_DAEMON__STATE_DIR": str(folder / "precious"),
        "MUSICSYNCD_SOCKET": str(folder / "precious.sock"),
        "MUSICSYNCD_NONSENSE__KEY": "1",
    }
    (folder / "tmp").mkdir(exist_ok=True)
    return {**os.environ, **theirs, "TMPDIR": str(folder / "tmp"), **more}


def tried(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`musicsyncctl try`, to its end."""
    argv = [sys.executable, "-c", CTL, "try", *arguments]
    env = environment(folder, **more)
    return subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False, env=env)


def daemons(folder: Path) -> set[int]:
    """Processes that run with a trial's config in this folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "musicsyncd" in words and any(word.startswith(str(folder)) for word in words):
                found.add(int(entry.name))
    return found


@pytest.fixture
def short() -> Iterator[Path]:
    """The folder of a trial and of its temporary files, with room for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        yield Path(name)


def test_the_demo_comes_home(short: Path) -> None:
    """Exit 0; three tracks with what was heard in them, one recognised, one refused; daemon and socket are gone."""
    done = tried(short, "--folder", str(short / "trial"))
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(.+?)  +aiff,alac,wav +([\d.]+) +(\w+ \w+) +(-[\d.]+) +(/.+)$", done.stdout, re.MULTILINE)
    names = ["Ada Voss - Lantern Street (Dub)", "Ada Voss - Night Ferry", "Tomo Rell - Glass Harbour"]
    assert [row[0] for row in rows] == names
    assert [float(row[1]) for row in rows] == [140.0, 122.0, 100.0]
    assert {row[4] for row in rows} == {f"{short}/trial/library/{name}" for name in ("Ada Voss", "Tomo Rell")}
    assert (
        len(re.findall("^duplicate .* is the same recording as Ada Voss - Night Ferry: ", done.stdout, re.MULTILINE))
        == 1
    )
    assert len(re.findall(r"^refused .*Broken Upload\.mp3", done.stdout, re.MULTILINE)) == 1
    assert (
        len([path for path in (short / "trial" / "library").rglob("*.*") if path.suffix in (".m4a", ".wav", ".aiff")])
        == 9
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert daemons(short) == set()
    assert list((short / "tmp").iterdir()) == [], "the socket's folder is gone"
    assert not (short / "precious").exists(), "the person's own state folder was not touched"


def test_ones_own_music_and_programs(short: Path) -> None:
    """Any path will do, the answer can be JSON, and what cannot be taken at all is an exit code."""
    music = write_wave(short / "music" / "A - B.wav")
    done = tried(short, "--folder", str(short / "trial"), "--json", str(music))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"], answer["exit_code"]) == (0, "musicsyncd.trial/1", 0)
    assert answer["reports"][0]["tracks"][0]["state"] == "done"
    done = tried(short, "--folder", str(short / "trial"), str(short / "nothing.wav"))
    assert (done.returncode, "There is no" in done.stdout) == (1, True)


def test_a_daemon_that_cannot_start_is_explained(short: Path) -> None:
    """Exit 1 with the daemon's own last words and where to read more; nothing is left running."""
    done = tried(short, "--folder", str(short / "trial"), MUSICSYNCD_HTTP__TIMEOUT="never")
    assert done.returncode == 1
    assert "The trial daemon did not start. " in done.stderr
    assert "MUSICSYNCD_HTTP__TIMEOUT" in done.stderr
    assert f"See {short}/trial/output.log" in done.stderr
    assert "Traceback" not in done.stderr
    assert daemons(short) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_trial_takes_its_daemon_along(short: Path, number: signal.Signals) -> None:
    """Exit 130 whichever way it is ended; neither the daemon nor its workers nor the socket outlive it."""
    music = write_wave(short / "music" / "A - Long.wav", seconds=60)
    argv = [sys.executable, "-c", CTL, "try", "--folder", str(short / "trial"), str(music)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(short)) as process:
        wait_for(lambda: workers(short))
        left = daemons(short) | workers(short)
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(30) == 130
    assert b"Traceback" not in said
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    assert list((short / "tmp").iterdir()) == []


def workers(folder: Path, processes: Mapping[int, int] | None = None) -> set[int]:
    """The children of the trial's daemon."""
    return {child for pid in daemons(folder) for child in children_of(pid, processes)}
