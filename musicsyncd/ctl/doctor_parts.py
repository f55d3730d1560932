"""How doctor looks: every part in a thread of its own, with a deadline, so that nothing that hangs holds it up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from musicsyncd.errors import MusicsyncError

Result = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    result: Result
    said: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something to look at, which may hang."""

    name: str
    look: Callable[[], Iterable[Check]]
    deadline: float
    """Seconds."""
    hung: str = "Try again; where it lasts, see what that place or service does"
    """What to do when it did not answer by then."""


@dataclass
class _Look:
    part: Part
    over: threading.Event = field(default_factory=threading.Event)
    found: list[Check] = field(default_factory=list)

    def begin(self) -> None:
        """The thread is a daemon: one that hangs in the kernel does not keep the command from ending."""
        threading.Thread(target=self._run, name=f"doctor: {self.part.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            for check in self.part.look():
                self.found.append(check)
        except MusicsyncError as error:
            self.found.append(_failed(self.part.name, error.what, error.why, error.fix))
        except OSError as error:
            self.found.append(_failed(self.part.name, f"{error.filename or 'it'} cannot be used", error.strerror or ""))
        except Exception as error:  # noqa: BLE001  one part that fails takes no other with it
            self.found.append(_failed(self.part.name, "it could not be looked at", f"{type(error).__name__}: {error}"))
        self.over.set()

    def ended(self, until: float) -> list[Check]:
        """What was found by then, and a failure where more was to come."""
        if self.over.wait(max(0.0, until - time.monotonic())):
            return self.found
        said = f"no answer within {self.part.deadline:g} s"
        return [*self.found, _failed(self.part.name, said, fix=self.part.hung)]


def looked(parts: Sequence[Part]) -> Iterator[Check]:
    """What all parts found, in their order; they look at the same time, and no longer than the longest deadline."""
    looks, began = [_Look(part) for part in parts], time.monotonic()
    for look in looks:
        look.begin()
    for look in looks:
        yield from look.ended(began + look.part.deadline)


def _failed(name: str, said: str, why: str = "", fix: str = "") -> Check:
    return Check(name=name, result="fail", said=said, why=why, fix=fix)
