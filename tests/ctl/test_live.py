"""The commands against a real daemon: what they print, how they follow, and how they end."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from musicsyncd.ctl.jobs import ended
from tests.fakes.running import Running, running, write_wave

CTL = "import sys; from musicsyncd.ctl import main; sys.exit(main())"
ESCAPE = "\x1b"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One daemon that has brought a track home and refused a file."""
    folder = tmp_path_factory.mktemp("live")
    with running(folder) as found:
        write_wave(folder / "music" / "Nina Vale - Tidal.wav")
        (folder / "music" / f"Ev{ESCAPE}[31mil\u202e.mp3").write_bytes(b"no music at all")
        assert found.sync(folder / "music")[0] == 6
        yield found


def command(daemon: Running, *arguments: str) -> list[str]:
    """The argument list of musicsyncctl."""
    return [sys.executable, "-c", CTL, "--config", str(daemon.config), *arguments]


def started(daemon: Running, *arguments: str, **more: object) -> subprocess.Popen[str]:
    """musicsyncctl, running."""
    return subprocess.Popen(command(daemon, *arguments), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def on_a_terminal(daemon: Running, *arguments: str, **environment: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    try:
        env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
        process = subprocess.Popen(
            command(daemon, *arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=env | environment
        )
        os.close(theirs)
        written = bytearray()
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the last writer is gone
                break
            if not part:
                break
            written += part
        assert process.wait(30) in (0, 6)
    finally:
        os.close(ours)
    return written.decode()


def wait_for(look: Callable[[], object]) -> None:
    """Return as soon as `look` is true."""
    end = time.monotonic() + 30
    while not look():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def job_of(daemon: Running, kind: str) -> str:
    """The id of the newest job of that kind."""
    found: str = next(job["id"] for job in daemon.client.get("/v1/jobs")["jobs"] if job["kind"] == kind)
    return found


def track_of(daemon: Running) -> str:
    """The id of the track."""
    found: str = daemon.client.get("/v1/tracks")["tracks"][-1]["id"]
    return found


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        ("status", "status"), ("jobs", "jobs"), ("jobs show JOB", "job"), ("jobs --json show JOB", "job"),
        ("tracks", "tracks"), ("tracks tidal", "tracks"), ("tracks show TRACK", "track"), ("volumes", "volumes"),
        ("alerts", "alerts"), ("alerts test", "alerts-test"),
        ("config show", "config"), ("config check", "config-check"), ("doctor", "doctor"), ("version", "version"),
        ("sync", "accepted"), ("sync --wait", "report"),
    ],
)  # fmt: skip
def test_json_is_one_document_with_a_schema(daemon: Running, arguments: str, schema: str) -> None:
    """A program reads stdout whole; progress is on stderr."""
    words = arguments.replace("JOB", job_of(daemon, "track")).replace("TRACK", track_of(daemon)).split()
    done = daemon.ctl(*words, *([] if "--json" in words else ["--json"]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == f"musicsyncd.{schema}/1"


@pytest.mark.parametrize("words", ["logs --json", "logs --json --job JOB", "jobs logs JOB --json"])
def test_logs_as_json_are_objects_on_lines(daemon: Running, words: str) -> None:
    """The file's own lines, those about one job where one is named."""
    job = job_of(daemon, "track")
    wait_for(lambda: job in daemon.log.read_text())
    done = daemon.ctl(*words.replace("JOB", job).split())
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    assert "JOB" not in words or {line["job"] for line in lines} == {job}


@pytest.mark.parametrize(
    "words", ["status", "jobs", "tracks", "tracks show TRACK", "volumes", "alerts", "doctor", "logs"]
)
def test_escape_codes_are_for_terminals(daemon: Running, words: str) -> None:
    """A pipe gets none, nor does a terminal under NO_COLOR; names never bring their own."""
    arguments = words.replace("TRACK", track_of(daemon)).split()
    assert ESCAPE not in daemon.ctl(*arguments).stdout
    assert ESCAPE not in on_a_terminal(daemon, *arguments, NO_COLOR="1")


def test_a_terminal_gets_colour_and_one_moving_line(daemon: Running) -> None:
    """Bold head on the screen; progress is drawn over itself and cleared at the end."""
    assert f"{ESCAPE}[1mmusicsyncd" in on_a_terminal(daemon, "status")
    written = on_a_terminal(daemon, "sync", "--url", str(daemon.folder / "music"), "--wait")
    assert f"\r{ESCAPE}[K" in written
    assert "refused" in re.split(rf"\r{ESCAPE}\[K", written)[-1]
    assert f"{ESCAPE}[31mil" not in written


def test_jobs_are_readable(daemon: Running) -> None:
    """About what, how it ended and why; a filter that fits none says so."""
    listed = daemon.ctl("jobs").stdout
    assert re.search(r"^\w+ +done +track +\d\d:\d\d:\d\d +Nina Vale - Tidal$", listed, re.MULTILINE)
    assert daemon.ctl("jobs", "--state", "partial").stdout == "No jobs are partial.\n"
    shown = daemon.ctl("jobs", "show", job_of(daemon, "request")[:-1]).stdout
    assert re.search(r"^state +done$", shown, re.MULTILINE)
    done = daemon.ctl("jobs", "retry", job_of(daemon, "track"))
    assert (done.returncode, "nothing to retry" in done.stderr) == (1, True)


def test_a_track_is_shown_by_the_beginning_of_its_id(daemon: Running) -> None:
    """Where it came from, what was heard, where it stands; a nearly right command is helped on."""
    shown = daemon.ctl("tracks", "show", track_of(daemon)[:5])
    assert shown.returncode == 0
    assert re.search(r"^volume:main +standing$", shown.stdout, re.MULTILINE)
    assert re.search(r"^main wav +/.*Nina Vale - Tidal\.wav +\d+ kB$", shown.stdout, re.MULTILINE)
    assert daemon.ctl("tracks", "show", "nothing").returncode == 1
    assert "Which track?" in daemon.ctl("tracks", "show").stderr
    unknown = daemon.ctl("tracks", "show", "nothing", "--json")
    assert unknown.stderr == "musicsyncctl: 'nothing' is known by no track. See: musicsyncctl tracks.\n"
    assert json.loads(unknown.stdout)["error"]["fix"] == "See: musicsyncctl tracks"
    assert daemon.ctl("jobs", "show", "zzz").stderr.endswith("'zzz'. See: musicsyncctl jobs.\n")
    assert daemon.ctl("tracks", "unheard", "of").stdout == "No track knows 'unheard of'.\n"


def test_a_file_whose_name_is_no_text_comes_home(daemon: Running) -> None:
    """Every byte of its path reaches the daemon, and its track can be listed."""
    music = write_wave(daemon.folder / "bytes" / "A - Byte.wav", pitch=550)
    try:
        music = music.rename(music.with_name("A - B\udcff te.wav"))
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    done = daemon.ctl("sync", "--url", str(music), "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tracks"][0]["state"] == "done"
    assert daemon.ctl("tracks").returncode == 0


def test_a_sync_does_not_wait_unless_it_is_told_to(daemon: Running) -> None:
    """The ids of the jobs and where to look, at once; several URLs are several jobs, the same one twice is one."""
    music = str(daemon.folder / "music")
    done = daemon.ctl("sync", "--url", music, f"{music}/Nina Vale - Tidal.wav", music, "--json")
    jobs = json.loads(done.stdout)["jobs"]
    assert (done.returncode, len(jobs), len(set(jobs))) == (0, 2, 2)
    said = daemon.ctl("sync").stdout
    assert re.fullmatch(r"Asked: \w+\. See how it goes: musicsyncctl jobs, or musicsyncctl events\n", said)


def test_several_urls_end_in_one_code(daemon: Running) -> None:
    """One that stands and one that is not there: partial, with a report for each; a path is the caller's own."""
    music = daemon.folder / "music" / "Nina Vale - Tidal.wav"
    done = daemon.ctl("sync", "--url", os.path.relpath(music), "/not/there.wav", "--wait", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"]) == (6, "musicsyncd.reports/1")
    assert [report["exit_code"] for report in answer["reports"]] == [0, 1]
    assert answer["reports"][0]["url"] == str(music)
    assert daemon.ctl("sync", "--url", "", "--wait").returncode == 1, "no URL is not the working folder"


def test_progress_elsewhere_than_on_a_terminal_is_a_line_a_step(daemon: Running) -> None:
    """Each step once, then how it ended; no line says nothing."""
    music = write_wave(daemon.folder / "more" / "A - Step.wav", pitch=330)
    lines = daemon.ctl("sync", "--url", str(music), "--wait").stderr.splitlines()
    about = [line.removeprefix("A - Step: ") for line in lines if line.startswith("A - Step: ")]
    assert about == ["download", "transcode", "analyze", "tag", "shelve", "publish", "done"]
    assert lines[0].startswith(f"{music}: ")


@pytest.mark.parametrize("words", ["events", "status --watch", "logs -f"])
def test_ctrl_c_ends_a_follower_with_130(daemon: Running, words: str) -> None:
    """Without a word; the daemon goes on."""
    with started(daemon, *words.split()) as process:
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, ""), out
    assert daemon.client.get("/v1/status")["mode"] == "prod"


@contextmanager
def watched(daemon: Running, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is killed when it says nothing for too long: a test that waits for a line then fails."""
    with started(daemon, *arguments) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def test_a_watch_without_a_terminal_prints_what_changed(daemon: Running) -> None:
    """Each line once while it stays as it is; what changes makes one within a moment."""
    with watched(daemon, "status", "--watch") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert re.fullmatch(r"musicsyncd [\d.]+\n", first)
        seen = [process.stdout.readline() for _ in range(2)]
        assert daemon.ctl("pause").returncode == 0
        while "PAUSED" not in (line := process.stdout.readline()):
            seen.append(line)
            assert line, "it ended"
        assert daemon.ctl("resume").returncode == 0
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
    assert ESCAPE not in "".join(seen) + rest
    assert first not in seen


def test_a_watch_as_json_is_a_line_for_each_change(daemon: Running) -> None:
    """Each is a whole answer."""
    with watched(daemon, "status", "--watch", "--json") as process:
        assert process.stdout is not None
        before = json.loads(process.stdout.readline())
        daemon.client.post("/v1/sync", {"scope": "unfinished"})
        after = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert before["schema"] == after["schema"] == "musicsyncd.status/1"
    assert before["jobs"] != after["jobs"]


def test_a_watch_on_a_terminal_is_drawn_over(daemon: Running) -> None:
    """The screen is cleared once; what happens is drawn soon, and a flood of events is a few screens a second."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(daemon, "status", "--watch"), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = bytearray()

    def drawn(text: bytes) -> None:
        deadline = time.monotonic() + 30
        while text not in written:
            left = deadline - time.monotonic()
            assert left > 0, "something else was drawn"
            assert select.select([ours], [], [], left)[0], "nothing was drawn"
            written.extend(os.read(ours, 65536))

    try:
        drawn(b"\x1b[?7h")
        begun = time.monotonic()
        for _ in range(40):
            daemon.client.post("/v1/sync", {"scope": "unfinished"})
        del written[:]
        drawn(b"QUEUE")
        drawn(b"\x1b[?7h")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        screens, seconds = written.count(b"\x1b[H"), time.monotonic() - begun
    finally:
        process.kill()
        os.close(ours)
    assert b"\x1b[2J" not in written
    assert screens <= seconds / 0.25 + 1


@pytest.mark.parametrize("words", ["config show", "logs", "jobs"])
def test_a_reader_that_has_had_enough_is_no_failure(daemon: Running, words: str) -> None:
    """`| head -1`: exit 0 and not a word."""
    ours, theirs = os.pipe()
    os.close(ours)
    with subprocess.Popen(command(daemon, *words.split()), stdout=theirs, stderr=subprocess.PIPE, text=True) as process:
        os.close(theirs)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_log_is_followed_over_its_rotation(daemon: Running, tmp_path: Path) -> None:
    """Old lines, new lines, the last lines of a file that was moved away, and those of the new one, each once."""
    log = tmp_path / "m.log"
    log.write_text(line("one"))
    config = tmp_path / "c.toml"
    config.write_text(f'[daemon]\nsocket = "/tmp/x/none.sock"\n[log]\nfile = "{log}"\n')
    argv = [sys.executable, "-c", CTL, "--config", str(config), "logs", "-f", "--json"]
    with subprocess.Popen(argv, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == line("one")
        with log.open("a") as opened:
            opened.write(line("two"))
            opened.flush()
            assert process.stdout.readline() == line("two")
            log.rename(tmp_path / "m.log.1")
            log.write_text(line("four"))
            opened.write(line("three"))
        assert [process.stdout.readline() for _ in range(2)] == [line("three"), line("four")]
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130


def line(event: str) -> str:
    """A line of a log."""
    return json.dumps({"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": event}) + "\n"


def test_a_daemon_that_is_stopped_ends_the_waiting(tmp_path: Path) -> None:
    """`sync --wait` says that the work is not over and exits 5; the daemon takes it up again, and so can the person."""
    hasty = {"MUSICSYNCD_DAEMON__STOP_TIMEOUT": "0.2 s"}
    with running(tmp_path, environment=hasty) as daemon:
        music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=60)
        with started(daemon, "sync", "--url", str(music), "--wait", "--json") as process:
            wait_for(lambda: job_runs(daemon))
            assert daemon.stop() == 0
            out, err = process.communicate(timeout=30)
        assert process.returncode == 5, err
        assert "goes on when it runs again" in err
        assert json.loads(out)["settled"] is False
        logs = daemon.ctl("logs", "-n", "1")
        assert (logs.returncode, "stopped" in logs.stdout) == (0, True), "the log is read without a daemon too"


def test_ctrl_c_leaves_the_work_to_the_daemon(tmp_path: Path) -> None:
    """Who goes away is told how to end the work; to another who waits, a cancelled job is no success."""
    with running(tmp_path) as daemon:
        music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=60)
        with started(daemon, "sync", "--url", str(music), "--wait") as waiting:
            with started(daemon, "sync", "--url", str(music), f"{tmp_path}/none.wav", "--wait") as leaving:
                wait_for(lambda: job_runs(daemon))
                leaving.send_signal(signal.SIGINT)
                _, err = leaving.communicate(timeout=10)
            assert leaving.returncode == 130
            one = r"musicsyncctl jobs cancel (\w+)"
            assert re.search(f"To end it: {one}; {one}$", err.splitlines()[-1])
            job = job_of(daemon, "track")
            said = daemon.ctl("jobs", "cancel", job).stdout
            assert re.search(r"^state +cancelled$", said, re.MULTILINE)
            assert said.splitlines()[-1] == ended(1)
            assert daemon.ctl("jobs", "cancel", job).stdout.splitlines()[-1] == ended(0)
            out, _ = waiting.communicate(timeout=10)
            assert (waiting.returncode, "cancelled  A - Long" in out) == (1, True)
        assert daemon.ctl("jobs", "retry", job).returncode == 0
        wait_for(lambda: job_runs(daemon))


def test_events_are_lines_until_the_daemon_stops(tmp_path: Path) -> None:
    """One JSON object for each event, and at the end an exit code that says that there is no daemon any more."""
    with running(tmp_path) as daemon, started(daemon, "events", "--json") as process:
        time.sleep(0.4)
        assert daemon.sync(write_wave(tmp_path / "music" / "A - B.wav"))[0] == 0
        assert daemon.stop() == 0
        out, err = process.communicate(timeout=10)
        told = [json.loads(line) for line in out.splitlines()]
        assert told.pop()["schema"] == "musicsyncd.error/1"
        assert {one["schema"] for one in told} == {"musicsyncd.event/1"}
        assert [one["state"] for one in told if one["event"] == "ended"] == ["done", "done"]
        assert (process.returncode, err) == (3, "musicsyncctl: The daemon stopped. Start it: musicsyncd.\n")


def test_what_ends_within_the_grace_is_told_as_it_ended(tmp_path: Path) -> None:
    """A daemon that lets a job finish before it stops still tells the follower how it went."""
    with running(tmp_path) as daemon:
        music = write_wave(tmp_path / "music" / "A - B.wav", seconds=5)
        with started(daemon, "sync", "--url", str(music), "--wait", "--json") as process:
            wait_for(lambda: job_runs(daemon))
            assert daemon.stop() == 0
            out, err = process.communicate(timeout=30)
        assert (process.returncode, json.loads(out)["state"]) == (0, "done"), err


def test_a_daemon_that_is_killed_ends_the_waiting(tmp_path: Path) -> None:
    """Nobody can say how it went: exit 3, in a sentence."""
    with running(tmp_path) as daemon:
        music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=40)
        with started(daemon, "sync", "--url", str(music), "--wait") as process:
            wait_for(lambda: job_runs(daemon))
            daemon.kill()
            _, err = process.communicate(timeout=30)
        assert process.returncode == 3
        assert re.match("musicsyncctl: (musicsyncd is not running|The daemon did not answer).", err.splitlines()[-1])
        assert "Traceback" not in err


def job_runs(daemon: Running) -> bool:
    """Whether a track is being worked on."""
    return any(job["kind"] == "track" for job in daemon.client.get("/v1/status")["running"])


def test_a_volume_that_is_away_is_told_everywhere(tmp_path: Path) -> None:
    """Status names what a person should do, doctor fails, volumes explains; what is to be added must be there."""
    with running(tmp_path, volumes=("main", "second")) as daemon:
        daemon.library("second").rename(tmp_path / "away")
        said = daemon.ctl("status").stdout
        away = daemon.library("second")
        assert (
            f"Attention (1):\n  - Volume second is absent. There is no folder {away}.\n    do: Mount the volume" in said
        )
        assert daemon.ctl("doctor").returncode == 7
        told = daemon.ctl("volumes").stdout
        assert re.search(r"^second +absent", told, re.MULTILINE)
        assert re.search(r"^second: .*\.$", told, re.MULTILINE)
        done = daemon.ctl("volumes", "add", str(tmp_path / "x"), "third")
        assert (done.returncode, f"There is no folder {tmp_path / 'x'}" in done.stderr) == (7, True)
        (tmp_path / "away").rename(daemon.library("second"))
        assert daemon.ctl("volumes", "add", str(daemon.library("second")), "second").returncode == 0
        assert daemon.ctl("doctor").returncode == 0
