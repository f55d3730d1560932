"""One try of one job: a handler in, an ending out, whatever the handler does."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from musicsyncd.clock import Clock
from musicsyncd.errors import Permanent, Temporary
from musicsyncd.jobs.base import Handler
from musicsyncd.jobs.context import Context, Halt, Host, Running, Stopwatch
from musicsyncd.jobs.job import JobState
from musicsyncd.jobs.queue import Ending
from musicsyncd.jobs.retry import decide

_log: Final = structlog.get_logger()


class Attempts:
    """Runs tries, and turns how each came out into what is written down."""

    def __init__(
        self, host: Host, clock: Clock, *, timeouts: Mapping[str, float], most: int, jitter: Callable[[], float]
    ) -> None:
        self._host, self._clock = host, clock
        self._timeouts, self._most, self._jitter = timeouts, most, jitter

    async def run(self, running: Running, handlers: Mapping[str, Handler], tasks: TaskGroup) -> Ending:
        """How this try ends. Whatever the handler raises ends here, or it would take every other job with it."""
        raised: BaseException | None = None
        with running.scope:
            try:
                return _success(running, await self._handle(running, handlers, tasks))
            except anyio.get_cancelled_exc_class() as error:
                if anyio.current_effective_deadline() == -math.inf:
                    raise
                raised = error  # nobody cancelled us: it is the handler's own, from some library's future
            except BaseException as error:  # noqa: BLE001
                raised = error
        return self._failure(running, raised)

    async def _handle(
        self, running: Running, handlers: Mapping[str, Handler], tasks: TaskGroup
    ) -> dict[str, Any] | None:
        job = running.job
        handler = handlers.get(job.kind)
        if handler is None:
            raise Permanent(f"This program does not know what to do with a job of kind {job.kind!r}")
        stopwatch = Stopwatch(self._clock)
        watch = anyio.CancelScope()
        if (limit := self._timeouts.get(job.kind)) is not None:
            tasks.start_soon(_watch, running, stopwatch, limit, watch, name=f"time limit of job {job.id}")
        try:
            return await handler(Context(running, self._host, stopwatch), job.args)
        finally:
            watch.cancel()

    def _failure(self, running: Running, raised: BaseException | None) -> Ending:
        fence = running.claimed.fence
        match running.halt:
            case Halt.CANCELLED:
                return Ending(fence=fence, state=JobState.CANCELLED)
            case Halt.STOPPING | Halt.LOST:
                return Ending(fence=fence, state=JobState.WAITING, uncount=True)
            case Halt.OVERTIME:
                limit = self._timeouts[running.job.kind]
                raised = Temporary(f"The job did not end within its {limit:g} s of running time")
        assert raised is not None
        return self._decided(running, raised)

    def _decided(self, running: Running, raised: BaseException) -> Ending:
        retry = decide(raised, running.job.attempts, self._jitter(), most=self._most)
        if retry.unexpected:
            _log.error("job-stopped-at-an-unforeseen-error", exc_info=raised)
        return Ending(
            fence=running.claimed.fence,
            state=retry.state,
            not_before=None if retry.delay is None else self._clock.now() + timedelta(seconds=retry.delay),
            reason=retry.reason,
            result=retry.result,
            uncount=retry.uncounted,
        )


async def _watch(running: Running, stopwatch: Stopwatch, limit: float, scope: anyio.CancelScope) -> None:
    with scope:
        await stopwatch.reach(limit)
        running.stop(Halt.OVERTIME)


def _success(running: Running, result: dict[str, Any] | None) -> Ending:
    plain = json.loads(json.dumps(result))
    state = JobState.PARTIAL if plain and plain.get("partial") else JobState.DONE
    return Ending(fence=running.claimed.fence, state=state, result=plain)
