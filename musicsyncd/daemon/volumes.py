"""The volumes of the settings: met at the start, made known by a person, and taken up again when they are back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import structlog

from musicsyncd.clock import Clock
from musicsyncd.control.messages import VolumeQuestion, VolumesAnswer
from musicsyncd.control.operations import Operations
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.ledger.ledger import Change, Ledger
from musicsyncd.library.volume import Volume
from musicsyncd.settings import Settings
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope, SyncRequest

logger = structlog.get_logger()


async def open_volumes(settings: Settings, ledger: Ledger, clock: Clock) -> dict[str, Volume]:
    """The shelves, each met once; one that is away now is met when it comes."""
    markers = await ledger.shelf_markers()
    volumes = {}
    for one in settings.volumes:
        volume = Volume(
            one.name,
            one.path,
            formats=one.formats,
            layout=one.layout,
            min_free=one.min_free,
            known_marker=markers.get(one.name),
            clock=clock,
        )
        state = await volume.adopt()
        if state.ready:
            await _know(volume, state.marker, ledger, operation="start")
            await _sweep(volume)
        else:
            logger.warning(
                "volume not ready", volume=one.name, condition=state.condition.value, why=state.why, fix=state.fix
            )
        volumes[volume.target] = volume
    return volumes


async def _know(volume: Volume, marker: str, ledger: Ledger, *, operation: str) -> None:
    """Write down under which marker a volume is known; one that is new to us is a change to the outside world."""
    known = (await ledger.shelf_markers()).get(volume.name)
    await ledger.record_shelf(volume.name, marker, str(volume.path))
    if known != marker:
        before = {"marker": known} if known else None
        after = {"marker": marker, "path": str(volume.path)}
        change = Change(operation=operation, target=volume.target, what="adopted", before=before, after=after)
        await ledger.record_change(None, change)


async def _sweep(volume: Volume) -> None:
    """Remove what a killed run left half-copied."""
    try:
        if removed := await volume.sweep():
            logger.info("temporary files removed", volume=volume.name, count=removed)
    except MusicsyncError as error:
        logger.warning("volume not swept", volume=volume.name, why=str(error))


def adder(
    volumes: Mapping[str, Volume], ledger: Ledger, jobs: WorkEngine, operations: Operations
) -> Callable[[VolumeQuestion], Awaitable[VolumesAnswer]]:
    """What `volumes add` does: with a person's consent, mark a folder as a volume of the settings."""

    async def add(question: VolumeQuestion) -> VolumesAnswer:
        volume = volumes.get(f"volume:{question.name}")
        if volume is None:
            names = ", ".join(one.name for one in volumes.values())
            raise BadInput(
                f"The settings name no volume {question.name!r}",
                why=f"They name {names}",
                fix=f"Add [[volumes]] with that name and the path {question.path} to config.toml, then restart",
            )
        if Path(question.path) != volume.path:
            raise BadInput(f"The settings say that {question.name} is at {volume.path}, not at {question.path}")
        state = await volume.adopt(consent=True)
        if not state.marker:
            raise NeedsPerson(f"Volume {question.name} cannot be marked", why=state.why, fix=state.fix)
        await _know(volume, state.marker, ledger, operation="volumes add")
        await take_up(ledger, jobs)
        return await operations.volumes()

    return add


async def take_up(ledger: Ledger, jobs: WorkEngine) -> None:
    """Drop a request for what was left undone, if anything was: a volume may be back."""
    if await ledger.parked():
        request = SyncRequest(scope=Scope.UNFINISHED)
        await jobs.enqueue(REQUEST, request.as_dict(), key=request.key)


async def meet_new_targets(targets: Iterable[str], ledger: Ledger, jobs: WorkEngine) -> None:
    """Drop a request for each target that is new beside others: tracks stand elsewhere, and none ever stood on it or
    waits for it.
    """
    met = await ledger.targets()
    for target in targets if met else ():
        if target not in met:
            request = SyncRequest(scope=Scope.LACKING, target=target)
            await jobs.enqueue(REQUEST, request.as_dict(), key=request.key)
