"""What can go wrong, and what happens next: the class of an error is the decision.

    MusicsyncError
    ├── Permanent        trying again is useless: the job fails, with its reason      exit 1
    │   ├── BadInput     asked wrongly: a URL nobody knows, a file that is no audio   exit 1
    │   ├── Denied       this user, path or peer may not                              exit 4
    │   └── NeedsPerson  a disk, a sign-in or a review only a person can see to       exit 7
    │       ├── Undecided several may be meant, and a person says which               exit 7
    │       └── Withheld this one item is given to certain people only                exit 7
    ├── Temporary        tried again by itself, not before `delay` seconds            exit 5
    ├── Degraded         one target cannot be reached now; the rest goes on           exit 6
    └── ConfigInvalid    the settings name a wrong key or value                       exit 9

Each says *what* happened, *why* where that is known, and what to do (*fix*), one sentence each.
Vendors' own exceptions are translated into these at the vendor's border, with `raise … from`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MusicsyncError(Exception):
    """Base of every error that this product raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return " ".join(_sentence(part) for part in (self.what, self.why, self.fix) if part)

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON: how it crosses a worker's pipe, the queue and the socket."""
        return {"class": type(self).__name__, "what": self.what, "why": self.why, "fix": self.fix} | self.extra()

    def extra(self) -> dict[str, Any]:
        """What a subclass carries beside the three sentences."""
        return {}


class Permanent(MusicsyncError):
    """Retrying is useless."""


class BadInput(Permanent):
    """What was asked for cannot be understood or is not music."""


class Denied(Permanent):
    """The caller, the path or the peer is not allowed."""

    exit_code = 4


class NeedsPerson(Permanent):
    """Only a person can mend this."""

    exit_code = 7


class Undecided(NeedsPerson):
    """Several may be meant, and only a person can say which: nothing is out of order."""


class Withheld(NeedsPerson):
    """A service gives this one item to certain people only: of age, members, subscribers. Others it gives to us."""


class Temporary(MusicsyncError):
    """Worth another try; `delay` is in seconds, None leaves it to the back-off of the queue.

    `counts` is False where the job was not to blame, because a service wants to be left alone by everybody: however
    often that happens, the job is not given up.
    """

    exit_code = 5

    def __init__(
        self, what: str, *, delay: float | None = None, why: str = "", fix: str = "", counts: bool = True
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.delay, self.counts = delay, counts

    def extra(self) -> dict[str, Any]:
        return {"delay": self.delay} | ({} if self.counts else {"counts": False})


class Degraded(MusicsyncError):
    """One target (`volume:VIBES`, `catalog:local`) cannot be reached now."""

    exit_code = 6

    def __init__(self, what: str, *, target: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.target = target

    def extra(self) -> dict[str, Any]:
        return {"target": self.target}


class ConfigInvalid(MusicsyncError):
    """A key or a value in the settings is wrong; the message names it and where it stands."""

    exit_code = 9


_BY_NAME: dict[str, type[MusicsyncError]] = {
    cls.__name__: cls for cls in (Permanent, BadInput, Denied, NeedsPerson, Undecided, Withheld, ConfigInvalid)
}


def from_dict(data: dict[str, Any]) -> MusicsyncError:
    """The error that `as_dict` wrote; an unknown class becomes Permanent."""
    what, sentences = str(data.get("what", "unknown error")), {k: str(data.get(k) or "") for k in ("why", "fix")}
    match data.get("class"):
        case "Temporary":
            return Temporary(what, delay=data.get("delay"), counts=data.get("counts") is not False, **sentences)
        case "Degraded":
            return Degraded(what, target=str(data.get("target", "")), **sentences)
        case name:
            return _BY_NAME.get(str(name), Permanent)(what, **sentences)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
