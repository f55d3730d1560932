"""The files in `service/`: what `service install` writes for an environment in /opt/musicsyncd.

`python -m tests.service.rendered` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from musicsyncd.ctl.service_unit import Plan, agent, unit

FOLDER = Path(__file__).parent.parent.parent / "service"
PATH = "/opt/musicsyncd/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PYTHON = "/opt/musicsyncd/bin/python"


def rendered() -> dict[Path, bytes]:
    """Each file and what it holds."""
    return {
        FOLDER / "user" / "musicsyncd.service": unit(Plan(python=PYTHON, path=PATH)).encode(),
        FOLDER / "system" / "musicsyncd.service": unit(Plan(python=PYTHON, path=PATH, system=True)).encode(),
        FOLDER / "launchd" / "local.musicsyncd.plist": agent(
            Plan(python=PYTHON, path=PATH), Path("/Users/me/Library/Logs")
        ),
    }


if __name__ == "__main__":
    for path, content in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
