"""What a person should see to, and how the daemon itself is. Pure but for the memory gauge."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from musicsyncd.control.answers import moment
from musicsyncd.control.messages import (
    AccountAnswer,
    VolumeAnswer,
)
from musicsyncd.errors import MusicsyncError
from musicsyncd.sources.account import Account


def account_answer(account: Account) -> AccountAnswer:
    """How it stands with an account."""
    now = account.standing()
    return AccountAnswer(
        service=now.service,
        title=account.title,
        state=now.signed_in.value,
        account=now.account,
        authorized_at=moment(now.authorized_at),
        expires_at=moment(now.expires_at),
        days_left=now.days_left,
        waiting_until=moment(now.waiting_until),
        urgent=now.urgent,
        trouble=now.trouble,
        note=now.note,
        why=now.why,
        fix=now.fix,
    )


def attention(
    volumes: Sequence[VolumeAnswer],
    tracks: Mapping[str, int],
    accounts: Sequence[AccountAnswer] = (),
    undecided: int = 0,
) -> list[str]:
    """What a person should see to; `undecided` counts the tracks for whose audio only a person can decide."""
    found = [_account_attention(account) for account in accounts if account.urgent]
    for volume in volumes:
        if volume.condition != "ready":
            waiting = f"; {_tracks(volume.parked)} waiting for it" if volume.parked else ""
            what = f"Volume {volume.name} is {volume.condition}{waiting}"
            found.append(str(MusicsyncError(what, why=volume.why, fix=volume.fix)))
        elif volume.parked:
            again = "Run: musicsyncctl sync --unfinished"
            found.append(f"{_tracks(volume.parked)} waiting for volume {volume.name}, which is back. {again}")
    if failed := tracks.get("failed"):
        found.append(f"{_tracks(failed)} could not be kept. See: musicsyncctl jobs --state failed")
    if undecided:
        what = f"Of {_tracks(undecided)} nobody can be sure which recording it is"
        found.append(f"{what}. Decide: musicsyncctl match review")
    return found


def _account_attention(account: AccountAnswer) -> str:
    what = f"Nobody is signed in at {account.title}"
    if account.state == "signed in":
        days = "today" if not account.days_left else f"in {account.days_left} days"
        what = f"The sign-in at {account.title} ends {days if account.days_left != 1 else 'tomorrow'}"
    return str(MusicsyncError(what, why=account.why, fix=account.fix))


def lost_database(path: Path) -> str:
    """What a person should do about a database whose file was deleted or replaced while it is open."""
    return str(
        MusicsyncError(
            f"The database {path} was deleted or replaced while the daemon works with it",
            why="What the daemon writes now is lost when it stops",
            fix=f"Stop the daemon, move away what stands at {path} and the files beside it with that name and -wal or "
            f"-shm, put the newest copy from {path.parent / 'backups'} in its place, and start the daemon again",
        )
    )


def _tracks(count: int) -> str:
    return "1 track" if count == 1 else f"{count} tracks"


def resident_bytes() -> int:
    """Memory of this process now where the system tells (Linux), else its highest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
