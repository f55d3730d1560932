"""What is asked about alerts: what is wrong and since when, and whether the channels tell."""

from __future__ import annotations

from musicsyncd.alerts.post import Post
from musicsyncd.alerts.telling import Known
from musicsyncd.control.answers import moment
from musicsyncd.control.attention import Watched, attention_answer
from musicsyncd.control.messages_alerts import (
    AlertAnswer,
    AlertsAnswer,
    AlertsTestAnswer,
    ChannelAnswer,
    DueAnswer,
    ToldAnswer,
)
from musicsyncd.control.messages_status import BelievedAnswer
from musicsyncd.errors import BadInput


async def listed(post: Post | None) -> AlertsAnswer:
    """Everything that is known, the worst first, what is over last; nothing where nobody watches."""
    if post is None:
        return AlertsAnswer(alerts=[], channels=[])
    known = sorted((await post.outbox.known()).values(), key=_order)
    return AlertsAnswer(alerts=[_answer(one) for one in known], channels=[*post.channels])


async def tested(post: Post | None) -> AlertsTestAnswer:
    """Have each channel tell something harmless."""
    went = await post.test() if post else {}
    channels = [ChannelAnswer(channel=name, error=error.as_dict() if error else None) for name, error in went.items()]
    return AlertsTestAnswer(channels=channels)


async def accepted(watched: Watched) -> BelievedAnswer:
    """Have the catalog believe what it doubts. BadInput where it doubts nothing."""
    if watched.accept is None:
        raise BadInput("There is no catalog that waits for a person's word")
    return BelievedAnswer(note=await watched.accept())


def _order(one: Known) -> tuple[bool, int, str, str]:
    return one.closed_at is not None, -one.finding.severity, one.first_seen.isoformat(), one.finding.key


def _answer(one: Known) -> AlertAnswer:
    return AlertAnswer(
        **vars(attention_answer(one.finding)),
        count=one.count,
        first_seen=one.first_seen.isoformat(timespec="milliseconds"),
        last_seen=one.last_seen.isoformat(timespec="milliseconds"),
        missing_since=moment(one.missing_since),
        resolved_at=moment(one.closed_at),
        told={
            name: ToldAnswer(
                kind=told.kind.value, at=told.at.isoformat(timespec="milliseconds"), reference=told.reference
            )
            for name, told in one.told.items()
        },
        due={
            name: DueAnswer(
                kind=due.kind.value,
                tries=due.tries,
                again_at=due.due.isoformat(timespec="milliseconds"),
                error=due.error,
            )
            for name, due in one.pending.items()
        },
    )
