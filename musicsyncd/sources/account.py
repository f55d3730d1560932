"""What a person sees and does about being signed in at a service, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class SignedIn(StrEnum):
    """Whether a service may be asked in a person's name."""

    NOT_SET_UP = "not set up"
    """The settings do not say as which program to ask."""
    NO = "signed out"
    YES = "signed in"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How it stands with one account."""

    service: str
    signed_in: SignedIn
    account: str = ""
    """The service's own id of who is signed in, or was last."""
    authorized_at: datetime | None = None
    expires_at: datetime | None = None
    """When a person must sign in again, whatever happens until then."""
    days_left: int | None = None
    waiting_until: datetime | None = None
    """A sign-in has begun and is waited for until then."""
    urgent: bool = False
    """Whether a person should see to it now."""
    trouble: str = ""
    """Why the last sign-in came to nothing."""
    note: str = ""
    """What was remarkable about the last sign-in."""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in that a person goes on with in a browser."""

    url: str
    """Where; for the person's eyes only."""
    redirect_uri: str
    """Where the browser is led afterwards; the service must know it."""
    until: datetime


class Account:
    """One account at one service."""

    service: ClassVar[str]
    """The source's name, as commands have it."""
    title: ClassVar[str]
    """As people write it."""

    def standing(self) -> Standing:
        """How it is now; nobody is asked."""
        raise NotImplementedError

    async def begin(self, *, listen: bool) -> Begun:
        """Begin a sign-in, in place of one that waits; `listen` on this machine for the browser's return.

        NeedsPerson when the settings are not ready for it or the port is taken.
        """
        raise NotImplementedError

    async def finish(self, url: str) -> Standing:
        """End the sign-in with the address that the browser was led to; BadInput when it belongs to none."""
        raise NotImplementedError

    async def sign_out(self) -> Standing:
        """Forget what lets us in."""
        raise NotImplementedError
