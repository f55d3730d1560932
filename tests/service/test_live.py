"""The service under a real systemd: started, killed, hung, misconfigured, reloaded, stopped, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.running import write_wave
from tests.fakes.waiting import wait_for
from tests.service.machine import Machine, cgroups, machine, why_not

pytestmark = [pytest.mark.root, pytest.mark.skipif(bool(why_not()), reason=f"NO REAL SYSTEMD: {why_not()}")]
AT_ONCE = "[Service]\nRestartSec=100ms\n"


@pytest.fixture(scope="module")
def user_machine() -> Iterator[Machine]:
    """A machine with root's own service manager."""
    with machine("user") as found:
        yield found


@pytest.fixture(scope="module")
def system_machine() -> Iterator[Machine]:
    """A machine with the system's."""
    with machine("system") as found:
        yield found


@pytest.fixture
def own(user_machine: Machine) -> Iterator[Machine]:
    """One's own service, installed and ready."""
    if not user_machine.is_ready():
        user_machine.drop_in(AT_ONCE)
        user_machine.service("install")
    yield user_machine
    config(user_machine).unlink(missing_ok=True)


@pytest.fixture
def locked_in(system_machine: Machine) -> Iterator[Machine]:
    """The system's service, with a volume that is not there yet, installed and ready."""
    config(system_machine).write_text(
        '[[volumes]]\nname = "later"\npath = "/media/later"\nmin_free = 0\nformats = ["flac"]\n[folder]\nsettle = 0.1\n'
    )
    if not system_machine.is_ready():
        system_machine.service("install")
    yield system_machine
    system_machine.run("umount", "-l", "/media/later", check=False)


def config(found: Machine) -> Path:
    """config.toml, seen from outside."""
    path = found.scratch / ("etc" if found.kind == "system" else "home/.config/musicsyncd") / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_it_is_ready_enabled_and_says_what_it_does(own: Machine) -> None:
    """READY and STATUS are heard; the daemon that answers is systemd's; a second install is an upgrade."""
    before = own.shown()
    assert (before["running"], before["enabled"], before["restarts"]) == (True, True, 0)
    assert before["text"].startswith("ready, prod mode, socket /run/user/0/")
    answer = json.loads(own.ctl("status", "--json").stdout)
    assert answer["pid"] == before["pid"]
    parts = {part["name"]: part["state"] for part in answer["parts"]}
    assert parts.keys() >= {"control socket", "job engine", "housekeeping", "vitals", "memory watch"}
    assert set(parts.values()) == {"running"}
    assert answer["open_files"] > 3
    assert answer["tasks"] >= len(parts)
    assert "active (running)" in own.service("install").stdout
    assert own.shown()["pid"] != before["pid"]


def test_killed_it_is_started_again(own: Machine) -> None:
    """SIGKILL: another process, ready again."""
    before = own.shown()
    own.run("kill", "-KILL", str(before["pid"]))
    wait_for(lambda: own.started_again(before["pid"]))
    after = own.shown()
    assert after["restarts"] >= 1
    assert after["text"].startswith("ready")


def test_hung_it_is_killed_and_started_again(own: Machine) -> None:
    """One that is well feeds the watchdog, again and again; a stopped process does not."""
    own.drop_in(f"{AT_ONCE}WatchdogSec=4s\n")
    own.run("systemctl", "--user", "restart", own.name)
    for _ in range(2):  # fed by itself
        fed = own.properties()["WatchdogTimestampMonotonic"]
        wait_for(partial(_fed_since, own, fed))
    before = own.shown()
    own.run("kill", "-STOP", str(before["pid"]))
    wait_for(lambda: own.started_again(before["pid"]))
    own.drop_in(AT_ONCE)
    own.service("stop")  # the next start is without the short period


def _fed_since(found: Machine, moment: str) -> bool:
    return found.properties()["WatchdogTimestampMonotonic"] != moment


def test_wrong_settings_are_not_tried_again(own: Machine) -> None:
    """Exit 9 and down, without a restart; `start` fails; `install` refuses before it writes; right ones start it."""
    config(own).write_text("[nonsense]\n")
    assert own.service("install", check=False).returncode == 9
    own.run("systemctl", "--user", "stop", own.name)
    assert own.service("start", check=False).returncode == 1
    told = own.properties()
    assert (told["ActiveState"], told["ExecMainStatus"], told["NRestarts"]) == ("failed", "9", "0")
    config(own).unlink()
    own.service("start")
    assert own.shown()["running"]


def test_a_reload_is_over_when_it_is_over(own: Machine) -> None:
    """systemctl reload returns, the same process is ready, and the settings are read."""
    before = own.shown()
    config(own).write_text('[log]\nlevel = "debug"\n')
    own.run("systemctl", "--user", "reload", own.name)
    log = own.scratch / "home/.local/state/musicsyncd/musicsyncd.log"
    wait_for(lambda: '"settings reloaded"' in log.read_text())
    wait_for(own.is_ready)
    assert own.shown()["pid"] == before["pid"]


def test_stopped_and_removed_nothing_is_left(own: Machine) -> None:
    """A clean end, exit 3 of `status`; then no file, no link, no socket, no unit; the database stays."""
    own.service("stop")
    assert own.shown()["state"] == "inactive (dead)"
    assert own.service("status", check=False).returncode == 3
    own.service("start")
    own.service("uninstall")
    (own.units / f"{own.name}.d" / "test.conf").unlink()  # ours, not the command's
    left = [str(one) for one in own.units.rglob("*") if not one.is_dir() or any(one.iterdir())]
    assert left == []
    assert own.run("systemctl", "--user", "show", "--value", "--property=ActiveState", own.name).stdout == "inactive\n"
    assert not Path(f"/proc/{own.pid}/root/run/user/0/musicsyncd/control.sock").exists()
    assert (own.scratch / "home/.local/state/musicsyncd/musicsyncd.db").exists()
    assert own.service("uninstall").stdout == "there was no service\n"
    assert own.service("start", check=False).returncode == 1


def test_the_locked_in_service_sees_and_writes_a_volume_that_is_mounted_later(locked_in: Machine) -> None:
    """The very unit whose exposure is measured: no privileges, no homes, and music on a disk that came after it."""
    pid, inside = locked_in.shown()["pid"], Path(f"/proc/{locked_in.pid}/root")
    outside = process_of(locked_in, pid)
    status = Path(f"/proc/{outside}/status").read_text()
    assert "Uid:\t0\t" not in status
    assert "NoNewPrivs:\t1" in status
    assert "CapBnd:\t0000000000000000" in status
    assert list(Path(f"/proc/{outside}/root/root").iterdir()) == []
    locked_in.run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/media/later")
    ask = ("--socket", "/run/musicsyncd/control.sock")
    locked_in.ctl(*ask, "volumes", "add", "/media/later", "later")
    for number in range(2):  # mounted after the service's start, and before the next one
        music = write_wave(inside / "media/music" / f"A - {number}.wav", pitch=220 + 110 * number)
        done = locked_in.ctl(*ask, "sync", "--url", f"/media/music/{music.name}", "--wait", "--json")
        (track,) = json.loads(done.stdout)["tracks"]
        assert track["state"] == "done"
        files = [Path(one["path"]) for one in track["details"]["files"]]
        assert [one.suffix for one in files] == [".flac"]
        assert all((inside / one.relative_to("/")).stat().st_size for one in files)
        if not number:
            locked_in.run("systemctl", "restart", locked_in.name)


def process_of(found: Machine, pid: int) -> int:
    """A process inside, seen from outside."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "status").read_text()
                same = (entry / "ns/pid").readlink() == Path(f"/proc/{found.pid}/ns/pid").readlink()
            except OSError:
                continue
            if same and f"\nNSpid:\t{entry.name}\t{pid}\n" in status:
                return int(entry.name)
    raise AssertionError(f"there is no process {pid}")


def test_a_credential_reaches_the_locked_in_service(locked_in: Machine) -> None:
    """A wrong one is the proof: its name stands in the reason, exit 9."""
    (locked_in.scratch / "etc" / "level").write_text("nonsense\n")
    locked_in.drop_in("[Service]\nLoadCredential=log.level:/etc/musicsyncd/level\n")
    locked_in.service("stop")
    assert locked_in.service("start", check=False).returncode == 1
    assert locked_in.properties()["ExecMainStatus"] == "9"
    (locked_in.scratch / "etc" / "level").write_text("debug\n")
    locked_in.service("start")
    (locked_in.units / f"{locked_in.name}.d" / "test.conf").unlink()


def test_of_the_locked_in_service_nothing_is_left_but_what_it_kept(locked_in: Machine) -> None:
    """No unit, no link, no runtime folder; the database is where it was."""
    locked_in.service("uninstall")
    assert [one for one in locked_in.units.rglob("*") if not one.is_dir() or any(one.iterdir())] == []
    assert not Path(f"/proc/{locked_in.pid}/root/run/musicsyncd").exists()
    assert list(locked_in.scratch.rglob("musicsyncd.db"))


def test_a_machine_leaves_nothing_behind() -> None:
    """Processes, mounts and control groups end with it, whatever was going on inside."""
    seen: list[Machine] = []

    def trouble() -> None:
        with machine("system") as found:
            seen.append(found)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trouble()
    ((pid, scratch),) = [(one.pid, one.scratch) for one in seen]
    assert not Path(f"/proc/{pid}").exists()
    assert not scratch.exists()
    assert str(scratch) not in Path("/proc/self/mounts").read_text()
    assert not [one for one in cgroups().iterdir() if scratch.name in one.name]
