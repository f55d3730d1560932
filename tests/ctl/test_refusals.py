"""What is typed wrongly, cannot be sent or cannot be written: a sentence, an exit code, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.control import status
from musicsyncd.ctl import asking, main
from musicsyncd.ctl.jobs import STATES, ended
from musicsyncd.ctl.sync import plain
from musicsyncd.jobs.job import JobState
from musicsyncd.sources.folder import path_of

pytestmark = pytest.mark.usefixtures("nobody_home")

CTL = (sys.executable, "-c", "import sys; from musicsyncd.ctl import main; sys.exit(main())")


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "--limit", "0"], ["logs", "-n", "-3"], ["tracks", "--limit", "x"], ["jobs", "--limit", "1001"],
        ["tracks", "--limit", "9" * 30], ["logs", "-n", "9" * 30], ["jobs", "--state", "bogus"],
        ["jobs", "--state", "done,bogus"], ["jobs", "show", ""], ["jobs", "cancel", " "], ["tracks", "show", ""],
        ["tracks", "retry", " "], ["tracks", "show"], ["tracks", "retry"], ["tracks", "--step", "tag"],
        ["tracks", "words", "--wait"], ["tracks", "show", "x", "--all"], ["tracks", "retry", "--all"],
        ["tracks", "retry", "x", "--all", "--step", "tag"], ["tracks", "retry", "x", "--dry-run"],
        ["tracks", "retry", "--all", "--query", "x", "--step", "tag"], ["tracks", "retry", "--step", "tag"],
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and a sentence, before anybody is asked."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert "error: " in err.splitlines()[-1]


def test_states_and_limits_are_the_daemons() -> None:
    """What is written down here, so that a command starts at once, is what the daemon knows."""
    assert tuple(JobState) == STATES
    assert asking.MOST_LISTED == status.MOST_LISTED


@pytest.mark.parametrize("arguments", [["status", "--json"], ["logs", "--json"], ["jobs", "show", "x", "--json"]])
def test_an_error_is_json_too_where_json_is_wanted(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program reads on stdout what a person reads on stderr, with the exit code in it."""
    code = main(["--config", write(tmp_path / "c.toml", '[log]\nfile = "none.log"\n'), *arguments])
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["schema"], answer["exit_code"]) == ("musicsyncd.error/1", code)
    assert answer["error"]["what"] in err
    assert answer["error"]["class"] in ("NotRunning", "Permanent")


def write(path: Path, text: str) -> str:
    """The path of a file that now holds the text."""
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    "arguments", [["tracks", "\udcff"], ["jobs", "show", "\udcff"], ["sync", "--url", "http://\udcff"]]
)
def test_bytes_that_are_no_text_are_refused_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no file is meant, nothing but UTF-8 can be asked for."""
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be sent. It is not UTF-8 text. Spell " in line


@pytest.mark.parametrize("path", ["/music/東京.wav", "/music/bad\udcff name.wav"])
def test_a_path_is_sent_so_that_the_daemon_finds_the_same_file(path: str) -> None:
    """As it is where it is text, else as a file:// URL with every byte in it."""
    sent = plain(path)
    sent.encode()
    assert path_of(sent) == Path(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", ["config show --json", "config show", "version", "status --json"])
def test_an_output_that_is_full_is_a_sentence(words: str) -> None:
    """Exit 1 and no traceback, however little was to be written."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*CTL, *words.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "musicsyncctl: The output cannot be written. No space left on device."
    assert "Traceback" not in done.stderr


def test_closed_streams_are_no_reason_to_crash() -> None:
    """Without stdout nothing is begun, and that is said; without stderr the exit code is what is left to say."""
    shell = ["sh", "-c", '"$@" >&-', "sh"]
    done = subprocess.run([*shell, *CTL, "status"], capture_output=True, text=True, check=False)
    said = "musicsyncctl: There is nowhere to write to. Standard output is closed.\n"
    assert (done.returncode, done.stderr) == (1, said)
    shell = ["sh", "-c", '"$@" 2>&-', "sh"]
    done = subprocess.run([*shell, *CTL, "status"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("inner", ["x", "x/y"])
def test_a_trial_that_gets_no_folder_says_so(tmp_path: Path, inner: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder, why it cannot be made, and what to do."""
    (tmp_path / "file").write_text("")
    assert main(["try", "--folder", str(tmp_path / "file" / inner)]) == 1
    assert "cannot be made: Not a directory. Name another with --folder." in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial whose settings cannot be written is a sentence with the file in it."""
    (tmp_path / "config.toml").mkdir()
    assert main(["try", "--folder", str(tmp_path)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"musicsyncctl: {tmp_path}/config.toml cannot be used. Is a directory."


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "It had ended already: nothing was left to cancel."), (1, "1 job ended."), (7, "7 jobs ended.")],
)
def test_a_cancelling_says_what_it_ended(count: int, said: str) -> None:
    """Nothing, one job, or as many as a request had left."""
    assert ended(count) == said
