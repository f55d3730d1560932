"""What the daemon costs while it has nothing to do: `python -m tests.benchmarks.idle`. Linux only: it reads /proc."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from musicsyncd.__main__ import leave
from musicsyncd.clock import SystemClock
from tests.fakes.eagle import Eagle
from tests.fakes.hook import Hook
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace
from tests.fakes.running import Running, children_of, write_wave
from tests.fakes.spotify import FakeSpotify
from tests.test_spotify_daemon import sign_in

SECONDS: Final = 60.0
SETTLE: Final = 5.0
MEMORY_BAR: Final = 100.0
"""MB of the daemon process."""
CPU_BAR: Final = 0.3
"""CPU seconds per minute."""


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A process at one moment."""

    cpu: float
    """Seconds so far, user and system."""
    wakes: int
    """Voluntary context switches so far, of all threads."""
    memory: float
    """Resident MB."""


def gauge(pid: int) -> Gauge:
    """Read it."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    statuses = [(task / "status").read_text() for task in (process / "task").iterdir()]
    return Gauge(
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        wakes=sum(_number(status, "voluntary_ctxt_switches") for status in statuses),
        memory=_number(statuses[0], "VmRSS") * 1024 / 1e6,
    )


def _number(status: str, name: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def idle(pid: int, seconds: float) -> tuple[Gauge, float, float]:
    """The process at the end, its CPU seconds per minute and its wake-ups per minute."""
    before, began = gauge(pid), time.monotonic()
    time.sleep(seconds)
    after, minutes = gauge(pid), (time.monotonic() - began) / 60
    return after, (after.cpu - before.cpu) / minutes, (after.wakes - before.wakes) / minutes


class CountingClock(SystemClock):
    """The machine's clock, which remembers whose sleeps it ended; told to a file on SIGUSR1."""

    def __init__(self, told: Path) -> None:
        self._woken: Counter[str] = Counter()
        signal.signal(signal.SIGUSR1, lambda *_: told.write_text(json.dumps(self._woken)))

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._woken[re.sub(r"\b[0-9a-z]{8}\b", "…", anyio.get_current_task().name or "")] += 1


class Counted(Running):
    """A daemon whose clock counts."""

    def launch(self, **environment: str) -> subprocess.Popen[bytes]:
        """See `Running.launch`."""
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.idle", "--daemon", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment, **environment},
            )
        return self.process

    def woken(self) -> Counter[str]:
        """How often each task was woken by the clock so far."""
        assert self.process is not None
        told = self.config.parent / "woken" / "by name"
        told.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        while not told.exists() or not told.read_text():
            time.sleep(0.01)
        return Counter(json.loads(told.read_text()))


def live(config: Path) -> int:
    """The daemon, with a clock that counts."""
    from musicsyncd import daemon, log
    from musicsyncd.settings import load

    told = config.parent / "woken" / "by name"
    told.parent.mkdir(exist_ok=True)
    loaded = load(config)
    daemon.configure_log(loaded.settings)
    try:
        return anyio.run(daemon.run, loaded, partial(load, config), CountingClock(told))
    finally:
        log.shutdown()


@contextmanager
def everything(folder: Path) -> Iterator[Counted]:
    """A daemon with all that can be set up: Notion, Spotify signed in, Eagle, a webhook, inbox, plans, two volumes."""
    with ExitStack() as stack:
        notion, spotify = stack.enter_context(NotionFake()), stack.enter_context(FakeSpotify())
        hook, eagle = stack.enter_context(Hook()), stack.enter_context(Eagle(folder / "eagle"))
        for name in ("inbox", "plans"):
            (folder / name).mkdir()
        workspace = music_workspace(notion)
        extra = f"""{spotify.settings}
[notion]\nbase_url = "{notion.url}"
[eagle]\nenabled = true\nbase_url = "{eagle.base_url}"\nformats = ["wav"]
[alerts]\nchannels = ["log", "webhook"]\nwebhook_url = "{hook.url()}"
[[inbox]]\npath = {json.dumps(str(folder / "inbox"))}
[plans]\ndir = {json.dumps(str(folder / "plans"))}
"""
        short = stack.enter_context(tempfile.TemporaryDirectory(prefix="ms-"))
        daemon = Counted(
            folder, Path(short) / "c.sock", workspace.environment(), volumes=("main", "second"), extra=extra
        )
        daemon.write_config()
        daemon.start()
        try:
            sign_in(daemon)
            yield daemon
        finally:
            daemon.stop()


def main() -> None:
    """Print the figures of a daemon that has just started, and of one that has worked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="to watch it each time; default 60")
    parser.add_argument("--daemon", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.daemon:
        leave(live(Path(args.daemon)))
    with tempfile.TemporaryDirectory() as name, everything(Path(name)) as daemon:
        time.sleep(SETTLE)
        report("just started", daemon, args.seconds)
        for number in range(10):
            daemon.sync(write_wave(Path(name) / "music" / f"A - {number}.wav", pitch=200 + 20 * number))
        time.sleep(SETTLE)
        report("after ten tracks", daemon, args.seconds)


def report(when: str, daemon: Counted, seconds: float) -> None:
    """Measure and print."""
    assert daemon.process is not None
    pid, before = daemon.process.pid, daemon.woken()
    last, cpu, wakes = idle(pid, seconds)
    named = daemon.woken() - before
    print(f"idle for {seconds:g} s, {when}: {len(children_of(pid))} child processes")
    print(f"  memory {last.memory:.1f} MB (bar {MEMORY_BAR:g}), CPU {cpu:.3f} s/min (bar {CPU_BAR:g})")
    print(f"  {wakes:.0f} wake-ups per minute, all threads; by the clock, in all:")
    for name, count in named.most_common():
        print(f"    {count:4} {name}")


if __name__ == "__main__":
    main()
