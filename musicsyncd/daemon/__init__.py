"""The daemon: rooms built and joined (`house`), parts started, supervised and stopped (`running`), and what it does by
itself (`housekeeping`, `reloading`, `volumes`, `mounting`).
"""

from __future__ import annotations

from musicsyncd.daemon.reloading import configure_log
from musicsyncd.daemon.running import run

__all__ = ["configure_log", "run"]
