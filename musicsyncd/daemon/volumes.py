"""The volumes of the settings and those that a person added: met at the start, added and taken out while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from musicsyncd.clock import Clock
from musicsyncd.control.messages import VolumeQuestion
from musicsyncd.control.messages_status import VolumesAnswer
from musicsyncd.control.operations import Operations
from musicsyncd.errors import BadInput, Degraded, MusicsyncError, NeedsPerson
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.added import AddedVolumes
from musicsyncd.library.section import VolumeSection
from musicsyncd.library.shelves import Shelves
from musicsyncd.library.volume import Volume
from musicsyncd.settings import Settings
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope, SyncRequest

logger = structlog.get_logger()
ADD: Final = "volumes add"
REMOVE: Final = "volumes remove"
Held = Callable[[], bool]
"""The gate before everything that begins by itself: whether a person's pause keeps it shut."""


def never() -> bool:
    """The gate of a house in which nobody pauses anything."""
    return False


async def open_volumes(settings: Settings, added: AddedVolumes, ledger: Ledger, clock: Clock) -> Shelves[Volume]:
    """The shelves, each met once; one that is away now is met when it comes."""
    markers = await ledger.shelf_markers()
    volumes = Shelves[Volume]()
    for one in settings.volumes:
        volumes.put(_volume(one, clock, markers.get(one.name)))
    named = {one.name.lower() for one in settings.volumes}
    for name, path in (await added.all()).items():
        if name.lower() in named:
            logger.info("the settings name a volume that was added before", volume=name)
        else:
            volumes.put(_volume(_section(name, path, settings), clock, markers.get(name), added=True))
    for volume in volumes.values():
        await _meet(volume, ledger)
    return volumes


def _volume(one: VolumeSection, clock: Clock, marker: str | None, *, added: bool = False) -> Volume:
    return Volume(
        one.name,
        one.path,
        formats=one.formats,
        layout=one.layout,
        min_free=one.min_free,
        added=added,
        hands_over=one.hands_over,
        known_marker=marker,
        clock=clock,
    )


def _section(name: str, path: Path, settings: Settings) -> VolumeSection:
    """An added volume as the settings would have it; ValidationError when they would not take it."""
    return VolumeSection.model_validate({"name": name, "path": path, "formats": settings.output.formats})


async def _meet(volume: Volume, ledger: Ledger) -> None:
    """At the start: a folder that was never known is marked, unless a disk may belong there."""
    if volume.added:
        state = await volume.state()  # marked with a person's consent when it was added, and never again without
    else:
        state = await volume.adopt()
    if state.ready:
        await welcome(volume, state.marker, ledger, operation="start")
    else:
        told = {"condition": state.condition.value, "why": state.why, "fix": state.fix}
        logger.warning("volume not ready", volume=volume.name, **told)


async def welcome(volume: Volume, marker: str, ledger: Ledger, *, operation: str) -> None:
    """Write down under which marker a volume is known; one that is new to us is a change to the outside world."""
    known = (await ledger.shelf_markers()).get(volume.name)
    await ledger.record_shelf(volume.name, marker, str(volume.path))
    if known != marker:
        before = {"marker": known} if known else None
        after = {"marker": marker, "path": str(volume.path)}
        change = Change(operation=operation, target=volume.target, what="adopted", before=before, after=after)
        await ledger.record_change(None, change)
    volume.met = True


async def sweep(volume: Volume) -> None:
    """Remove what a killed run left half-copied; that walks the whole volume."""
    try:
        if removed := await volume.sweep():
            logger.info("temporary files removed", volume=volume.name, count=removed)
    except MusicsyncError as error:
        logger.warning("volume not swept", volume=volume.name, why=str(error))


async def take_up(ledger: Ledger, jobs: WorkEngine, target: str = "", *, held: Held = never) -> None:
    """Drop a request for what was left undone, if anything was: first for all that waits for a target that is back. In
    a pause it stays parked, and is taken up at its end.
    """
    if not held() and await ledger.parked():
        request = SyncRequest(scope=Scope.UNFINISHED, target=target)
        await jobs.enqueue(REQUEST, request.as_dict(), key=request.key)


async def meet_new_targets(targets: Iterable[str], ledger: Ledger, jobs: WorkEngine, held: Held = never) -> None:
    """Drop a request for each target that is new beside others: tracks stand elsewhere, and none ever stood on it or
    waits for it. In a pause it stays new.
    """
    met = await ledger.targets() if not held() else ()
    for target in targets if met else ():
        if target not in met:
            request = SyncRequest(scope=Scope.LACKING, target=target)
            await jobs.enqueue(REQUEST, request.as_dict(), key=request.key)


@dataclass(frozen=True, kw_only=True)
class Register:
    """What `volumes add` and `volumes remove` do. Both take effect at once."""

    settings: Settings
    volumes: Shelves[Volume]
    added: AddedVolumes
    ledger: Ledger
    jobs: WorkEngine
    operations: Operations
    clock: Clock

    async def add(self, question: VolumeQuestion) -> VolumesAnswer:
        """With a person's consent, mark a folder as a volume, and bring there what is kept elsewhere."""
        path = Path(question.path)
        volume = self._called(question.name)
        if volume is None or volume.added:
            volume = await self._new(question.name, path)
        elif path not in (volume.home, volume.path):
            raise BadInput(f"The settings say that {question.name} is at {volume.home}, not at {question.path}")
        state = await volume.adopt(consent=True)
        if not state.marker:
            raise NeedsPerson(f"Volume {question.name} cannot be marked", why=state.why, fix=state.fix)
        if volume.added:
            await self.added.remember(volume.name, path)
            self.volumes.put(volume)
        await welcome(volume, state.marker, self.ledger, operation=ADD)
        await self._want_all(volume, state.marker)
        return await self.operations.volumes()

    async def remove(self, name: str) -> VolumesAnswer:
        """Forget a volume that was added; its files and its marker stay as they are."""
        volume = self._called(name)
        if volume is None:
            raise LookupError(f"There is no volume {name!r}; there is: {self._names()}")
        if not volume.added:
            raise BadInput(f"The settings name the volume {name}", fix="Take it out of config.toml, then restart")
        await self.added.forget(name)
        self.volumes.take_out(volume.target)
        change = Change(operation=REMOVE, target=volume.target, what="taken out", before={"path": str(volume.path)})
        await self.ledger.record_change(None, change)
        await self.ledger.unpark(volume.target)
        return await self.operations.volumes()

    async def _new(self, name: str, path: Path) -> Volume:
        """A volume that the settings do not name; BadInput when they would refuse it."""
        for one in self.volumes.values():
            if one.name.lower() == name.lower() and one.name != name:
                raise BadInput(f"There is a volume {one.name!r} already", fix="Choose another name")
            if one.name != name and path in (one.home, one.path):
                raise BadInput(f"{path} is the folder of the volume {one.name}", fix="Choose another folder")
        for inbox in self.settings.inbox:
            if path.is_relative_to(inbox.path):
                raise BadInput(f"{path} is in the inbox {inbox.path}", fix="Choose another folder")
        try:
            section = _section(name, path, self.settings)
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise BadInput(f"{name!r} at {path} cannot be a volume", why=told) from None
        marker = (await self.ledger.shelf_markers()).get(name)
        return _volume(section, self.clock, marker, added=True)

    async def _want_all(self, volume: Volume, marker: str) -> None:
        """Whatever is kept and does not stand there waits for it from now on, and is taken up. What was delivered
        stands nowhere, and is not delivered again.
        """
        if not volume.hands_over:
            reason = Degraded(f"The volume {volume.name!r} was added", target=volume.target)
            await self.ledger.park_kept(volume.target, marker, reason)
        await take_up(self.ledger, self.jobs, volume.target)

    def _called(self, name: str) -> Volume | None:
        return next((one for one in self.volumes.values() if one.name == name), None)

    def _names(self) -> str:
        return ", ".join(one.name for one in self.volumes.values())
