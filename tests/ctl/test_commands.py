"""Every command as a person types it: help, wrong flags, wrong places, and nothing heavy on the way."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.ctl import COMMANDS, main
from musicsyncd.database import DATABASE_NAME

pytestmark = pytest.mark.usefixtures("nobody_home")

ROOT = Path(__file__).parent.parent.parent
VERBS = (
    "jobs show",
    "jobs cancel",
    "jobs retry",
    "jobs logs",
    "volumes add",
    "volumes remove",
    "config check",
    "config show",
    "alerts test",
    "catalog accept",
)
HEAVY = {
    "pydantic", "anyio", "structlog", "starlette", "uvicorn", "platformdirs", "http.client", "tomllib", "asyncio",
    "sqlite3", "subprocess", "musicsyncd.settings", "musicsyncd.log", "musicsyncd.control.messages",
}  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, *VERBS])
def test_a_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, a usage line with its whole name, and a sentence that says what it is for."""
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.startswith(f"usage: musicsyncctl {command} ")
    assert "-h, --help" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_stands_in_the_readme_and_in_the_overview(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads either learns of it."""
    assert f"musicsyncctl {command}" in (ROOT / "README.md").read_text()
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"\n    {command} " in capsys.readouterr().out


@pytest.mark.parametrize("command", [*COMMANDS, *VERBS])
def test_a_wrong_flag_is_a_usage_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, said on stderr, without a traceback; nothing is done before the flags are understood."""
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--no-such-flag", "a", "b"][: 3 if command != "volumes add" else 5])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert "error: " in err


@pytest.mark.parametrize("arguments", [["jobs", "--limit", "0"], ["logs", "-n", "-3"], ["tracks", "--limit", "x"]])
def test_a_number_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    """Said before anybody is asked."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_nothing_typed_is_answered_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and every command listed."""
    assert main([]) == 2
    told = capsys.readouterr().err
    assert [command for command in COMMANDS if f"\n    {command} " not in told] == []


@pytest.mark.parametrize(
    "command", ["status", "jobs", "tracks", "volumes", "alerts", "alerts test", "sync", "events", "jobs show x"]
)
def test_without_a_daemon_a_command_says_how_to_start_it(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, one line on stderr with the socket that was tried."""
    assert main(command.split()) == 3
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("musicsyncctl: musicsyncd is not running. Nobody answers on /")
    assert line.endswith("control.sock. Start it: musicsyncd.")


def test_a_flags_value_may_be_the_name_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config config` names a file, and the command after it is still found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").write_text("")
    assert main(["--config", "config", "status"]) == 3


def test_a_file_that_is_no_toml_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The client says so itself, with exit code 9; `version` answers all the same."""
    broken = tmp_path / "broken.toml"
    broken.write_text("[daemon\n")
    assert main(["--config", str(broken), "status"]) == 9
    assert str(broken) in capsys.readouterr().err
    assert main(["--config", str(broken), "version"]) == 0
    assert "not known" in capsys.readouterr().out


def test_status_starts_without_anything_heavy() -> None:
    """Before the socket is asked, nothing is loaded but the standard library's light parts and ctl's own."""
    code = (
        "import sys; before = set(sys.modules); from musicsyncd.ctl import main; code = main(['status']);"
        "print(*sorted(set(sys.modules) - before)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    loaded = set(done.stdout.split())
    assert "musicsyncd.ctl.status" in loaded
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("musicsyncd.ctl.")} == {
        f"musicsyncd.ctl.{name}" for name in ("asking", "show", "status", "where")
    }


def test_names_from_outside_do_not_reach_the_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error that quotes a name with escape sequences is one clean line."""
    assert main(["--socket", str(tmp_path / "\x1b[31mred"), "status"]) == 3
    assert "\x1b" not in capsys.readouterr().err


def test_a_terminal_that_cannot_spell_a_name_is_no_failure(tmp_path: Path) -> None:
    """Under an ASCII locale the rest of the line still comes."""
    code = "import sys; from musicsyncd.ctl import main; sys.exit(main(['--socket', '/東京', 'status']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False
    )
    assert done.returncode == 3
    assert b"Nobody answers on /??" in done.stderr


class TestDoctorWithoutADaemon:
    """What it finds by itself."""

    def checks(self, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
        answer = json.loads(capsys.readouterr().out)
        assert answer["schema"] == "musicsyncd.doctor/1"
        return {check["name"]: check for check in answer["checks"]}

    def test_all_is_well(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Libraries are there, the state folder can be made; a daemon that is down is a warning."""
        assert main(["doctor", "--json"]) == 0
        checks = self.checks(capsys)
        assert checks["libraries"]["result"] == "ok"
        assert "numpy" in checks["libraries"]["said"]
        assert (checks["daemon"]["result"], checks["daemon"]["fix"]) == ("warn", "Start it: musicsyncd")
        assert (checks["browser"]["result"], checks["browser"]["said"][:9]) == ("ok", "curl_cffi")

    @pytest.mark.parametrize(
        ("version", "result", "says"),
        [("v22.4.0", "ok", "node 22.4.0"), ("v20.1.0", "warn", "node 20.1.0 is too old"), ("", "warn", "not run")],
    )
    def test_a_javascript_runtime(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, result: str, says: str
    ) -> None:
        """The one that the settings name, by its version, and what to do about one that will not do."""
        program = tmp_path / "node"
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        (tmp_path / "c.toml").write_text(f'[ytdlp]\njs_runtime = "{program}"\n')
        assert main(["--config", str(tmp_path / "c.toml"), "doctor", "--json"]) == 0
        check = self.checks(capsys)["JavaScript"]
        assert check["result"] == result
        assert says in check["said"]
        assert ("musicsyncd[youtube]" in check["fix"]) is (result == "warn")

    def test_a_javascript_runtime_that_is_none(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit 7: the setting can only be wrong."""
        (tmp_path / "c.toml").write_text('[ytdlp]\njs_runtime = "/usr/bin/perl"\n')
        assert main(["--config", str(tmp_path / "c.toml"), "doctor", "--json"]) == 7
        assert "perl" in self.checks(capsys)["JavaScript"]["said"]

    def test_wrong_settings(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit 9, the key and the line; nothing else is looked at."""
        (tmp_path / "c.toml").write_text("[outptu]\n")
        assert main(["--config", str(tmp_path / "c.toml"), "doctor", "--json"]) == 9
        checks = self.checks(capsys)
        assert list(checks) == ["settings"]
        assert "outptu" in checks["settings"]["said"]

    def test_places_that_are_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An inbox that cannot be read and a state folder that cannot be are failures; a volume may yet come."""
        (tmp_path / "file").write_text("")
        (tmp_path / "c.toml").write_text(
            f'[daemon]\nstate_dir = "{tmp_path}/file/state"\nsocket = "/tmp/x/none.sock"\n'
            f'[[inbox]]\npath = "{tmp_path}/gone"\n[[volumes]]\nname = "V"\npath = "{tmp_path}/away"\n'
        )
        assert main(["--config", str(tmp_path / "c.toml"), "doctor", "--json"]) == 7
        results = {name: check["result"] for name, check in self.checks(capsys).items()}
        assert (results["state folder"], results["inbox"], results["volume V"]) == ("fail", "fail", "warn")

    def test_a_damaged_database(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit 7 with the daemon's own sentence; a sound one is told with its size, one not made yet is no fault."""
        (tmp_path / "c.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path}"\nsocket = "/tmp/x/none.sock"\n')
        asked, path = ["--config", str(tmp_path / "c.toml"), "doctor", "--json"], tmp_path / DATABASE_NAME
        assert main(asked) == 0
        assert "first start" in self.checks(capsys)["database"]["said"]
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE note (text TEXT)")
        assert main(asked) == 0
        assert (self.checks(capsys)["database"]["said"]) == f"{path}, 8.2 kB"
        path.write_bytes(b"a shopping list" * 1000)
        assert main(asked) == 7
        check = self.checks(capsys)["database"]
        assert check["said"] == f"The database {path} is damaged or is no SQLite database; nothing was changed"
        assert "no good backup" in check["fix"]
        assert path.read_bytes() == b"a shopping list" * 1000

    def test_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What to do stands below what was found; the end counts: no daemon yet, and no library folder yet."""
        assert main(["doctor"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == f"0 failed, {sum(line.startswith('warn ') for line in lines)} warned"
        assert any(line.strip() == "do: Start it: musicsyncd" for line in lines)
