"""A real daemon in a process of its own, with its own folders, for tests that start, ask, kill and start again."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musicsyncd.control.client import Client, NotRunning

START_DEADLINE = 60.0
STOP_DEADLINE = 20.0


@dataclass
class Running:
    """One daemon's folders, and its process while there is one."""

    folder: Path
    socket: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    volumes: tuple[str, ...] = ("main",)
    extra: str = ""
    """More lines for config.toml."""

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> Path:
        return self.state / "musicsyncd.log"

    def library(self, name: str = "main") -> Path:
        """The root of a volume."""
        return self.folder / "volumes" / name

    def write_config(self) -> None:
        """config.toml as the fields say."""
        volumes = "".join(
            f'[[volumes]]\nname = "{name}"\npath = {json.dumps(str(self.library(name)))}\nmin_free = 0\n'
            for name in self.volumes
        )
        (self.folder / "volumes").mkdir(exist_ok=True)
        self.config.write_text(
            f"[daemon]\nstate_dir = {json.dumps(str(self.state))}\nsocket = {json.dumps(str(self.socket))}\n"
            f"[folder]\nsettle = 0.1\n{self.extra}\n{volumes}"
        )

    def start(self, **environment: str) -> Running:
        """Start it and return when it answers; AssertionError with its output when it does not."""
        self.launch(**environment)
        assert self.process is not None
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(NotRunning):
                self.client.get("/v1/status")
                return self
            time.sleep(0.02)
        raise AssertionError(f"the daemon did not start: {self.output()}")

    def launch(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        if not self.config.exists():
            self.write_config()
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "musicsyncd", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment, **environment},
            )
        return self.process

    def output(self) -> str:
        """What it printed, of all its runs."""
        return (self.folder / "output.log").read_text(errors="replace")

    @property
    def client(self) -> Client:
        return Client(str(self.socket))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(STOP_DEADLINE)
        self.process = None
        return status

    def kill(self) -> None:
        """What a power cut does to a process."""
        self.stop(signal.SIGKILL)

    def wait_for_death(self, deadline: float = 60.0) -> int:
        """Until it ends by itself; its exit status."""
        assert self.process is not None
        status = self.process.wait(deadline)
        self.process = None
        return status

    def ctl(self, *args: str, timeout: float = 120.0, **environment: str) -> subprocess.CompletedProcess[str]:
        """musicsyncctl as a person runs it."""
        return subprocess.run(
            [sys.executable, "-c", "import sys; from musicsyncd.ctl import main; sys.exit(main())",
             "--config", str(self.config), *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def sync(self, *urls: str | Path, flags: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
        """`sync --url … --wait --json`: the exit code and the report."""
        done = self.ctl("sync", "--url", *map(str, urls), "--wait", "--json", *flags)
        assert done.stdout, f"exit {done.returncode}: {done.stderr}"
        report: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, report

    def sync_track(self, track: str) -> tuple[int, dict[str, Any]]:
        """Have one track looked at anew, and wait for the end: the exit code and the report."""
        (job,) = self.client.post(f"/v1/tracks/{track}/retry")["jobs"]
        for name, data in self.client.events(f"/v1/events?job={job}"):
            if name == "report":
                return data["exit_code"], data
        raise AssertionError("the events ended without a report")

    def files(self, name: str = "main") -> list[str]:
        """Every file on a volume but its marker, relative, sorted."""
        root = self.library(name)
        found = (path for path in root.rglob("*") if path.is_file() and path.name != ".musicsyncd-volume")
        return sorted(str(path.relative_to(root)) for path in found)


@contextlib.contextmanager
def running(folder: Path, *, start: bool = True, **fields: Any) -> Iterator[Running]:
    """A daemon in `folder`, dead at the end whatever happens; its socket has a short path of its own."""
    with tempfile.TemporaryDirectory(prefix="ms-") as short:
        daemon = Running(folder=folder, socket=Path(short) / "c.sock", **fields)
        daemon.write_config()
        try:
            yield daemon.start() if start else daemon
        finally:
            if daemon.process is not None:
                daemon.process.kill()
                daemon.process.wait()


def write_wave(path: Path, *, seconds: float = 2.0, pitch: float = 220.0, rate: int = 44100) -> Path:
    """A short stereo tune in a WAV file, different for every pitch, by the standard library alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(_tune(seconds, pitch, rate))
    return path


@functools.lru_cache(maxsize=32)
def _tune(seconds: float, pitch: float, rate: int) -> bytes:
    frames = bytearray()
    for number in range(int(seconds * rate)):
        moment = number / rate
        note = pitch * 2 ** (int(moment * 4) % 5 / 12)
        value = int(12000 * math.sin(2 * math.pi * note * moment) * (1 - (moment * 4) % 1 * 0.8))
        frames += struct.pack("<hh", value, value // 2)
    return bytes(frames)


def children_of(pid: int, processes: Mapping[int, int] | None = None) -> set[int]:
    """Every process below this one (Linux)."""
    parents = dict(processes or _parents())
    below = {child for child, parent in parents.items() if parent == pid}
    return below | {one for child in below for one in children_of(child, parents)}


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found
