"""The client finds the socket without the settings: by a rule of its own that must give their answer."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as sizes
from hypothesis import strategies as st

from musicsyncd.ctl.where import socket_path
from musicsyncd.errors import ConfigInvalid
from musicsyncd.settings import load

World = tuple[dict[str, str], dict[str, str], dict[str, str | None], bool]
NAMES = (
    "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY", "STATE_DIRECTORY",
    "MUSICSYNCD_CONFIG", "MUSICSYNCD_MODE", "MUSICSYNCD_SOCKET", "MUSICSYNCD_DAEMON__MODE",
    "MUSICSYNCD_DAEMON__SOCKET", "MUSICSYNCD_DAEMON__STATE_DIR",
)  # fmt: skip
PLACES = st.sampled_from(
    ["", "here", "a/../b", "{tmp}/there", "~/mine", "{tmp}/missing", "{tmp}/a:{tmp}/b", " ", "./x"]
)
MODES = st.sampled_from(["", "prod", "dev"])


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and a working folder with room for a socket's path, and none of the variables that count."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="ms-") as short:
        folder = Path(short)
        monkeypatch.setenv("HOME", str(folder / "home"))
        for name in ("home", "work", "there", "a", "config/musicsyncd"):
            (folder / name).mkdir(parents=True)
        monkeypatch.chdir(folder / "work")
        yield folder
        monkeypatch.undo()


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """An environment, a [daemon] section, flags, and whether the file is named or found."""
    variables = {name: MODES if name.endswith("MODE") else PLACES for name in NAMES[2:]}
    del variables["MUSICSYNCD_CONFIG"]
    environ = draw(st.fixed_dictionaries({}, optional=variables))
    keys = {"mode": st.sampled_from(["prod", "dev"]), "socket": PLACES, "state_dir": PLACES}
    section = draw(st.fixed_dictionaries({}, optional=keys))
    flags = draw(st.fixed_dictionaries({"socket": st.none() | PLACES, "mode": st.sampled_from([None, "prod", "dev"])}))
    return environ, section, flags, draw(st.booleans())


@sizes(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_the_client_looks_where_the_daemon_listens(home: Path, world: World) -> None:
    """Whatever environment, file and flags say: settings that the daemon accepts give the client's own answer."""
    environ, section, flags, named = world
    environ = {name: text.replace("{tmp}", str(home)) for name, text in environ.items()}
    flags = {name: text and text.replace("{tmp}", str(home)) for name, text in flags.items()}
    lines = [f"{key} = {json.dumps(text.replace('{tmp}', str(home)))}\n" for key, text in section.items()]
    file = home / "config" / ("my.toml" if named else "musicsyncd/config.toml")
    for old in (home / "config").rglob("*.toml"):
        old.unlink()
    file.write_text("[daemon]\n" + "".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        for name, text in (environ | {} if named else environ | {"XDG_CONFIG_HOME": str(home / "config")}).items():
            patch.setenv(name, text)
        overrides = {"daemon.mode": flags["mode"], "daemon.socket": flags["socket"]}
        try:
            told = load(file if named else None, overrides=overrides).settings.daemon.socket
        except ConfigInvalid:
            return  # where the daemon does not start, nobody is to be found
        found = socket_path(socket=flags["socket"], config=str(file) if named else None, mode=flags["mode"])
    assert found == str(told)


@pytest.mark.parametrize(("mode", "by"), [*itertools.product(["prod", "dev"], ["flag", "MUSICSYNCD_MODE", "file"])])
def test_without_anything_said_it_is_the_platforms_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, mode: str, by: str
) -> None:
    """No config file at all: state folder or runtime folder, one for each mode."""
    flag = mode if by == "flag" else None
    if by == "MUSICSYNCD_MODE":
        monkeypatch.setenv(by, mode)
    if by == "file":
        (home / "home/.config/musicsyncd").mkdir(parents=True)
        (home / "home/.config/musicsyncd/config.toml").write_text(f'[daemon]\nmode = "{mode}"\n')
    app = "musicsyncd" if mode == "prod" else "musicsyncd-dev"
    for runtime, expected in (("", home / "home/.local/state" / app), (str(home / "a"), home / "a" / app)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        found = socket_path(socket=None, config=None, mode=flag)
        assert found == str(expected / "control.sock")
        assert found == str(load(None, overrides={"daemon.mode": flag}).settings.daemon.socket)


@pytest.mark.parametrize("text", ["[daemon", "\x00", 'daemon = "x"', None])
def test_a_file_that_cannot_be_read_is_named(home: Path, text: str | None) -> None:
    """One sentence with the file and what to do; a section that is no section is for the daemon to refuse."""
    file = home / "my.toml"
    if text is not None:
        file.write_text(text)
    if text == 'daemon = "x"':
        assert socket_path(socket=None, config=str(file), mode=None).endswith("control.sock")
        return
    with pytest.raises(ConfigInvalid, match=r"my\.toml cannot be read.*config check"):
        socket_path(socket=None, config=str(file), mode=None)
