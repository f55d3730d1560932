"""Where a JavaScript runtime is found, and whether it is new enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from yt_dlp.utils import _jsruntime

from musicsyncd.errors import NeedsPerson
from musicsyncd.sources import js_runtime
from musicsyncd.sources.js_runtime import OLDEST, Runtime, examined, located


def program(folder: Path, name: str, says: str) -> str:
    """A program that says so; its path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("name", "says", "version", "is_new_enough"),
    [
        ("deno", "deno 2.9.8 (stable, release, x86_64-unknown-linux-gnu)\nv8 14.0.1\ntypescript 5.9.2", "2.9.8", True),
        ("deno", "deno 1.46.3 (stable)", "1.46.3", False),
        ("node", "v22.0.0", "22.0.0", True),
        ("node", "v20.20.2", "20.20.2", False),
        ("bun", "1.2.11", "1.2.11", True),
        ("qjs", "QuickJS version 2024-01-13\nusage: qjs [options] [file]", "2024-01-13", True),
        ("deno", "who knows", "", False),
    ],
)
def test_a_version_is_read_as_the_program_writes_it(
    tmp_path: Path, name: str, says: str, version: str, is_new_enough: bool
) -> None:
    """Each runtime has its own way to say it."""
    (found,) = examined(program(tmp_path, name, says))
    assert (found.version, found.is_new_enough) == (version, is_new_enough)


def test_the_settings_come_first_then_our_own_environment_then_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel's program lies beside our interpreter's scripts, which need not be on PATH."""
    ours, path = tmp_path / "scripts", tmp_path / "path"
    for folder in (ours, path):
        folder.mkdir()
    node, deno = program(path, "node", "v22.1.0"), program(path, "deno", "deno 2.4.0")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(ours))
    monkeypatch.setenv("PATH", str(path))
    assert located() == {"deno": deno, "node": node}
    wheel = program(ours, "deno", "deno 2.9.8")
    assert located() == {"deno": wheel, "node": node}
    assert located(node) == {"node": node}


def test_nothing_anywhere_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YouTube works without one, with fewer formats."""
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert located() == {}
    (gone,) = examined(str(tmp_path / "deno"))
    assert not gone.is_new_enough


def test_another_program_is_refused_by_name() -> None:
    """Whoever names one learns which are known."""
    with pytest.raises(NeedsPerson, match="js_runtime"):
        located("/usr/bin/perl")


def test_our_oldest_versions_are_the_vendors() -> None:
    """When yt-dlp wants newer ones, this table follows."""
    theirs = {
        "deno": _jsruntime.DenoJsRuntime,
        "node": _jsruntime.NodeJsRuntime,
        "bun": _jsruntime.BunJsRuntime,
        "quickjs": _jsruntime.QuickJsRuntime,
    }
    assert {name: runtime.MIN_SUPPORTED_VERSION for name, runtime in theirs.items()} == OLDEST
    assert Runtime(name="deno", path="deno", version="2.3.0").oldest == "2.3.0"
    assert js_runtime.PROGRAMS["qjs"] == "quickjs"
