"""A machine of its own inside this one: systemd as the service manager in namespaces, whoever is process 1 outside.

Root only. Its mounts, its processes and its control groups end with it, however the test ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.fakes.waiting import wait_for

HERE = Path(__file__).parent
PYTHON = "/opt/musicsyncd/bin/python"
PROGRAMS = ("unshare", "nsenter", "setpriv", "ldconfig", "systemctl")


def why_not() -> str:
    """Why there can be no such machine here; empty when there can."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if not Path("/lib/systemd/systemd").exists():
        missing.append("systemd")
    if missing:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() == 0 and not cgroups().is_dir():
        return "no cgroup2 file system is mounted"
    return ""


def _ready(told: Mapping[str, str]) -> bool:
    return told.get("ActiveState") == "active" and told.get("SubState") == "running"


@dataclass
class Machine:
    """One machine, with systemd as its process 1."""

    kind: str
    scratch: Path
    pid: int
    """Of its process 1, seen from outside."""

    @property
    def name(self) -> str:
        """The unit that the tests install."""
        return "musicsyncd.service"

    def run(self, *argv: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
        """A program inside; AssertionError with what it said when it fails and must not."""
        home = {"HOME": "/opt/scratch/home", "XDG_RUNTIME_DIR": "/run/user/0"} if self.kind == "user" else {}
        plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {"HOME": "/root"}
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-u", "-i"]
        done = subprocess.run(
            [*enter, *argv], capture_output=True, text=True, timeout=120, env=plain | home | environ, check=False
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}{self.told()}"
        return done

    def ctl(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """musicsyncctl inside."""
        return self.run(
            PYTHON, "-c", "import sys; from musicsyncd.ctl import main; sys.exit(main())", *argv, check=check
        )

    def service(self, verb: str, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """musicsyncctl service, for the kind of manager that this machine has."""
        return self.ctl("service", verb, *(["--system"] if self.kind == "system" else []), *flags, check=check)

    def shown(self) -> dict[str, Any]:
        """`service status --json`."""
        answer: dict[str, Any] = json.loads(self.service("status", "--json", check=False).stdout)
        return answer

    def properties(self) -> dict[str, str]:
        """Everything that systemd knows of the unit."""
        scope = ["--user"] if self.kind == "user" else []
        return dict(
            line.partition("=")[::2] for line in self.run("systemctl", *scope, "show", self.name).stdout.splitlines()
        )

    def is_ready(self) -> bool:
        """Whether the service runs and said so."""
        return _ready(self.properties())

    def started_again(self, pid: int) -> bool:
        """Whether another process than this one is ready."""
        told = self.properties()  # one look: between two the process may die
        return _ready(told) and told["MainPID"] not in ("0", str(pid))

    def drop_in(self, text: str) -> None:
        """Change the unit as a person would."""
        scope = ["--user"] if self.kind == "user" else []
        self.units.joinpath(f"{self.name}.d").mkdir(parents=True, exist_ok=True)
        self.units.joinpath(f"{self.name}.d", "test.conf").write_text(text)
        self.run("systemctl", *scope, "daemon-reload")

    @property
    def units(self) -> Path:
        """Where units are written, seen from outside."""
        return self.scratch / ("home/.config/systemd/user" if self.kind == "user" else "units")

    def told(self) -> str:
        """What systemd and the services said."""
        return (self.scratch / "console").read_text(errors="replace")


@contextlib.contextmanager
def machine(kind: str) -> Iterator[Machine]:
    """A machine with a `user` or a `system` manager; gone at the end, with everything in it."""
    scratch = Path(tempfile.mkdtemp(prefix="ms-", dir="/var/tmp"))  # DynamicUser hides /tmp
    group = cgroups() / f"musicsyncd-test-{scratch.name}"
    group.mkdir()
    process: subprocess.Popen[bytes] | None = None
    try:
        scratch.chmod(0o755)
        process = _launch(kind, scratch, group)
        inside = Machine(kind=kind, scratch=scratch, pid=wait_for(lambda: _child_of(process.pid)))
        sockets = {"user": "/run/user/0/systemd/private", "system": "/run/systemd/private"}
        wait_for(lambda: Path(f"/proc/{inside.pid}/root{sockets[kind]}").exists(), told=inside.told)
        yield inside
    finally:
        if process is not None:
            _end(process)
        _remove_group(group)
        shutil.rmtree(scratch, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill its process 1, and with it every other; who started it then ends by itself."""
    if first := _child_of(process.pid):
        os.kill(first, signal.SIGKILL)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)


def _launch(kind: str, scratch: Path, group: Path) -> subprocess.Popen[bytes]:
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup", "--uts", "--ipc"]
    site, source = sysconfig.get_path("purelib"), str(HERE.parent.parent)
    script = ["bash", str(HERE / "manager.sh"), kind, str(scratch), sys.base_prefix, site, source, python]
    enter = f'echo $$ > "{group}/cgroup.procs"; exec "$@"'
    with (scratch / "console").open("wb") as console:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash", "-c", enter, "bash", "unshare", *namespaces, *script],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )


def _child_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        return 0


def cgroups() -> Path:
    """Where the second generation of control groups is mounted; a path that is not there when it is not."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return Path("/nonexistent")


def _remove_group(group: Path) -> None:
    """What is left of its control groups; processes that are being killed take a moment."""
    for folder in [*sorted(group.rglob("*/"), key=lambda one: len(one.parts), reverse=True), group]:
        if folder.is_dir():
            with contextlib.suppress(OSError, AssertionError):
                wait_for(partial(_removed, folder), 5)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
