"""musicsyncctl config: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.ctl import main

pytestmark = pytest.mark.usefixtures("nobody_home")

CANARY = "cAnaRy-7f3a9"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with a secret and a changed level."""
    path = tmp_path / "my.toml"
    path.write_text(f'[log]\nlevel = "error"\n[http]\nproxy = "http://u:{CANARY}@h:1"\n')
    path.chmod(0o600)
    return path


def test_check_without_a_file_says_that_defaults_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    """Having no file is fine, and the person learns where one would be looked for."""
    assert main(["config", "check"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("ok: there is no ")
    assert "config.toml, so the defaults are used" in out
    assert err == ""


def test_check_names_the_file_notes_and_warnings(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ok` goes to stdout, what is worth knowing to stderr, and no secret to either."""
    monkeypatch.setenv("GAS_WEBHOOK_URL", CANARY)
    config.chmod(0o644)
    assert main(["config", "check", str(config)]) == 0
    out, err = capsys.readouterr()
    assert out == f"ok: {config}\n"
    warning, note = err.splitlines()
    assert warning.startswith(f"warning: {config}:4: http.proxy")
    assert note.startswith("note: GAS_WEBHOOK_URL is set")
    assert CANARY not in out + err


def test_check_prints_each_mistake_and_exits_with_9(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake is a line on stderr; stdout stays empty."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(f'[log]\nlevel = "loud"\n[http]\nproxy = "{CANARY}"\n')
    assert main(["--config", str(wrong), "config", "check"]) == 9
    out, err = capsys.readouterr()
    assert out == ""
    assert [f"{wrong}:{line}: " in told for line, told in zip((2, 4), err.splitlines(), strict=True)] == [True, True]
    assert CANARY not in err


def test_check_as_json_is_one_document_right_or_wrong(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings and notes, or every mistake, by the file that was looked at; mistakes go to stderr as well."""
    monkeypatch.setenv("GAS_WEBHOOK_URL", CANARY)
    config.chmod(0o644)
    assert main(["--config", str(config), "config", "check", "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    kept = {"schema": "musicsyncd.config-check/1", "path": str(config)}
    assert answer == answer | kept | {"ok": True, "errors": []}
    assert (len(answer["warnings"]), len(answer["notes"]), err) == (1, 1, "")
    config.write_text('[log]\nlevel = "loud"\nkeep = -1\n')
    assert main(["config", "check", "--json", str(config)]) == 9
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer == answer | kept | {"ok": False, "warnings": [], "notes": []}
    assert [f"musicsyncctl: {line}" for line in answer["errors"]] == err.splitlines()
    assert [line.split(": ")[0] for line in answer["errors"]] == [f"{config}:2", f"{config}:3"]


def test_show_prints_every_value_with_its_origin(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Flags count, origins stand beside the values, and secrets are hidden."""
    assert main(["--config", str(config), "--mode", "dev", "config", "show", "--origin"]) == 0
    out = capsys.readouterr().out
    lines = dict(line.split(" = ", 1) for line in out.splitlines() if " = " in line)
    assert lines["log.level"].split("#") == ['"error"'.ljust(len(lines["log.level"].split("#")[0])), " my.toml:2"]
    assert lines["daemon.mode"].endswith("# flag --mode")
    assert lines["log.keep"].endswith("# default")
    assert '"(hidden)"' in lines["http.proxy"]
    assert CANARY not in out


def test_show_as_json_has_a_schema(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get values and origins by key, spelled as in config.toml."""
    assert main(["--config", str(config), "config", "show", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["path"]) == ("musicsyncd.config/1", str(config))
    assert answer["settings"]["log.level"] == {"value": "error", "origin": "my.toml:2"}
    assert answer["settings"]["daemon.job_timeout"] == {"value": "10 min", "origin": "default"}
    assert answer["settings"]["http.proxy"]["value"] == "(hidden)"


def test_help_loads_no_settings() -> None:
    """Adding the command to the parser costs no import of pydantic."""
    code = (
        "import sys, argparse, musicsyncd.ctl.config as c;"
        "c.register(argparse.ArgumentParser().add_subparsers());"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
