"""The lock of the state folder, and the file systems that it must not lie on."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.database import AlreadyRunning, StateLock
from musicsyncd.database.state import NETWORK, file_system_of, mounts_of_mount, mounts_of_mountinfo
from musicsyncd.errors import Denied, NeedsPerson

MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/dj/local rw shared:5 master:2 - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/my\040nas rw - cifs //nas/music rw
33 22 0:42 / /mnt/over rw - ext4 /dev/sdc1 rw
34 22 0:43 / /mnt/over rw - fuse.sshfs dj@host: rw
"""
MOUNT = """
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//dj@nas._smb._tcp.local/music on /Volumes/music (1) (smbfs, nodev, nosuid, mounted by dj)
/dev/disk5s1 on /Volumes/VIBES (exfat, local, nodev, nosuid)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib/musicsyncd", "ext4"),
        ("/home", "nfs4"),
        ("/home/dj", "nfs4"),
        ("/homestead", "ext4"),
        ("/home/dj/local/state", "xfs"),
        ("/mnt/my nas/x", "cifs"),
        ("/mnt/over/x", "fuse.sshfs"),
    ],
)
def test_linux_mounts(path: str, kind: str) -> None:
    """The longest mount point counts, by whole names, the last mounted over it, with its blanks decoded."""
    assert file_system_of(path, mounts_of_mountinfo(MOUNTINFO)) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/Users/dj", "apfs"), ("/Volumes/music (1)/x", "smbfs"), ("/Volumes/VIBES/x", "exfat")],
)
def test_macos_mounts(path: str, kind: str) -> None:
    """What macOS prints is understood, brackets in a name included."""
    assert file_system_of(path, mounts_of_mount(MOUNT)) == kind


def test_which_are_network_file_systems() -> None:
    """The usual network file systems are refused, the usual disks are not."""
    assert {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "9p", "fuse.sshfs", "webdav"} <= NETWORK
    assert not NETWORK & {"ext4", "xfs", "btrfs", "zfs", "apfs", "hfs", "tmpfs", "overlay", "exfat", "fuseblk"}


def test_the_second_holder_is_told_who_is_first(tmp_path: Path) -> None:
    """Another process in the same folder is refused with the first one's pid and exit status 1."""
    program = "import sys; from pathlib import Path; from musicsyncd.database import StateLock, AlreadyRunning\n"
    program += "try: StateLock(Path(sys.argv[1])).acquire()\n"
    program += "except AlreadyRunning as error: print(error); sys.exit(error.exit_code)"
    with StateLock(tmp_path / "state"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "state")], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"Another musicsyncd (pid {os.getpid()}) already works in" in done.stdout
    assert f"kill {os.getpid()}" in done.stdout


def test_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    """Released means free, and a second lock object in one process is refused meanwhile."""
    with StateLock(tmp_path), pytest.raises(AlreadyRunning):
        StateLock(tmp_path).acquire()
    with StateLock(tmp_path):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"
    assert (tmp_path / "daemon.lock").read_text() == ""


def test_a_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A child that outlives its parent's lock does not hold it, even when descriptors are not closed for it."""
    lock = StateLock(tmp_path)
    lock.acquire()
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        with StateLock(tmp_path):
            assert child.poll() is None
        child.kill()


def test_the_folder_becomes_private(tmp_path: Path) -> None:
    """A state folder that others could read is closed to them."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with StateLock(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_denied(tmp_path: Path) -> None:
    """No traceback for a path below a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Denied, match="cannot be used"):
        StateLock(tmp_path / "file" / "state").acquire()


@pytest.mark.parametrize("call", ["open", "ftruncate", "pwrite"])
def test_a_full_disk_needs_a_person(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with exit status 7 wherever the disk gives out, and the lock is free again afterwards."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(NeedsPerson, match=r"is full.*Free some space") as caught:
            StateLock(tmp_path).acquire()
    assert caught.value.exit_code == 7
    with StateLock(tmp_path):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"
