"""What is told after which look: opened once, repeated quietly, resolved when it is over, never too many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.alerts.base import Finding, Kind, Severity
from musicsyncd.alerts.telling import DAY, REMEMBERED, REST, Known, Pending, Rules, Told, after_look, hold, next_look

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(settle=600.0, most_per_run=3)
CHANNELS = ("one", "two")


def found(key: str, severity: Severity = Severity.ERROR, **more: object) -> Finding:
    return Finding(key=key, severity=severity, what=f"{key} is wrong", **more)  # type: ignore[arg-type]


@dataclass
class Desk:
    """Looks and deliveries one after the other, and what was told when."""

    rules: Rules = RULES
    channels: Sequence[str] = CHANNELS
    now: datetime = START
    known: dict[str, Known] = field(default_factory=dict)
    told: list[tuple[str, str, Kind, datetime, Severity]] = field(default_factory=list)
    """Channel, key, kind, when, how severe."""

    def look(self, *findings: Finding, after: float = 60.0) -> None:
        """So many seconds later."""
        self.now += timedelta(seconds=after)
        self.known = after_look(self.known, findings, self.channels, self.rules, self.now)

    def due(self, channel: str = "one") -> dict[str, Kind]:
        return {key: one.pending[channel].kind for key, one in self.known.items() if channel in one.pending}

    def tell(self, channel: str = "one") -> dict[str, Kind]:
        """The channel tells everything that is due."""
        due = self.due(channel)
        for key, kind in due.items():
            one = self.known[key]
            self.told.append((channel, key, kind, self.now, one.finding.severity))
            told = Told(kind=kind, severity=one.finding.severity, at=self.now, reference="r")
            self.known[key] = replace(one, told={**one.told, channel: told}, pending=without(one.pending, channel))
        return due

    def stumble(self, channel: str = "one") -> None:
        """The channel tries everything that is due, and nobody knows what came of it."""
        for key in self.due(channel):
            one = self.known[key]
            tried = replace(one.pending[channel], tries=one.pending[channel].tries + 1, error="lost")
            self.known[key] = replace(one, pending={**one.pending, channel: tried})

    def kinds(self, key: str, channel: str = "one") -> list[Kind]:
        return [told[2] for told in self.told if told[:2] == (channel, key)]


def without(pending: Mapping[str, Pending], channel: str) -> dict[str, Pending]:
    return {name: due for name, due in pending.items() if name != channel}


def test_opened_once_counted_and_closed_when_gone() -> None:
    """A hundred looks are one message, and one more at the end."""
    desk = Desk()
    for _ in range(100):
        desk.look(found("a"))
        desk.tell()
    assert desk.known["a"].count == 100
    desk.look()
    desk.look(after=RULES.settle)
    desk.tell()
    assert desk.kinds("a") == [Kind.OPENED, Kind.RESOLVED]
    assert desk.known["a"].told["one"].reference == "r"
    assert desk.due("two") == {}, "nobody heard of it there, so there is no end to tell"


def test_what_flickers_is_one_finding() -> None:
    """Gone for less than the calm that it takes, it was never over; the count goes on."""
    desk = Desk()
    for _ in range(10):
        desk.look(found("a"))
        desk.tell()
        desk.look(after=RULES.settle / 2)
        desk.tell()
    assert desk.kinds("a") == [Kind.OPENED]
    assert desk.known["a"].count == 10


def test_what_comes_back_again_and_again_must_be_calm_for_longer() -> None:
    """A day of ten minutes on and ten off is a handful of messages, not a hundred and forty."""
    desk = Desk()
    for _ in range(int(DAY / 1260)):
        desk.look(found("a"), after=630)
        desk.tell()
        desk.look(after=1)
        desk.look(after=629)
        desk.tell()
    assert len(desk.kinds("a")) < 12
    assert [hold(flaps, 600.0) for flaps in (0, 1, 2, 30)] == [600.0, 1200.0, 2400.0, DAY]


def test_it_is_told_again_when_it_lasts_and_at_once_when_it_becomes_worse() -> None:
    """Quietly otherwise; what becomes better is not told."""
    desk = Desk()
    desk.look(found("a", Severity.WARNING))
    desk.tell()
    desk.look(found("a", Severity.WARNING), after=DAY - 1)
    assert desk.due() == {}
    desk.look(found("a", Severity.WARNING), after=1)
    assert desk.tell() == {"a": Kind.REPEATED}
    desk.look(found("a", Severity.CRITICAL))
    assert desk.tell() == {"a": Kind.REPEATED}
    desk.look(found("a", Severity.WARNING))
    assert desk.due() == {}


def test_a_countdown_is_told_at_its_steps_only() -> None:
    """At 30, 7 and 1 days, whatever lies between."""
    desk = Desk()
    for days in range(30, 0, -1):
        severity = Severity.CRITICAL if days <= 1 else Severity.ERROR if days <= 7 else Severity.WARNING
        desk.look(found("account:spotify", severity, repeats=False), after=DAY)
        desk.tell()
    assert [(START + timedelta(days=31) - told[3]).days for told in desk.told] == [30, 7, 1]


def test_what_passes_within_its_grace_is_told_to_nobody() -> None:
    """And is forgotten; what lasts is told at the first look after it."""
    desk = Desk()
    desk.look(found("a", grace=900.0))
    assert next_look(desk.known, RULES, desk.now) == 900.0
    desk.look(after=800)
    assert desk.known == {}
    desk.look(found("a", grace=900.0))
    desk.look(found("a", grace=900.0), after=899)
    assert desk.due() == {}
    desk.look(found("a", grace=900.0), after=1)
    assert desk.tell() == {"a": Kind.OPENED}
    assert next_look(desk.known, RULES, desk.now) is None
    desk.look()
    assert next_look(desk.known, RULES, desk.now) == RULES.settle


def test_what_is_less_severe_is_known_and_not_told() -> None:
    """Until it is worse."""
    desk = Desk()
    desk.look(found("a", Severity.INFO))
    assert (desk.due(), "a" in desk.known) == ({}, True)
    desk.look(found("a", Severity.WARNING))
    assert desk.tell() == {"a": Kind.OPENED}


def test_too_many_at_once_take_turns_and_one_message_says_so() -> None:
    """The worst first; the rest at the next looks; the message ends when nothing waits."""
    desk, many = Desk(), [found(f"e{number}", Severity.ERROR) for number in range(7)]
    many.append(found("worst", Severity.CRITICAL))
    desk.look(*many)
    first = desk.tell()
    assert set(first) == {"worst", "e0", "e1", REST}
    assert desk.known[REST].finding.what == "5 more things need a person"
    desk.look(*many)
    assert desk.tell() == {"e2": Kind.OPENED, "e3": Kind.OPENED, "e4": Kind.OPENED}
    desk.look(*many)
    assert desk.tell() == {"e5": Kind.OPENED, "e6": Kind.OPENED}
    desk.look(*many, after=RULES.settle)
    assert desk.tell() == {REST: Kind.RESOLVED}


def test_repetitions_and_ends_take_turns_too() -> None:
    """No look tells one channel more than so much, the worst first; all is told in the end."""
    desk, many = Desk(), [found(f"e{number}") for number in range(8)]
    for _ in range(4):
        desk.look(*many)
        desk.tell()
    desk.look(*many, found("worst", Severity.CRITICAL), after=2 * DAY)
    assert desk.tell() == {"worst": Kind.OPENED, "e0": Kind.REPEATED, "e1": Kind.REPEATED, REST: Kind.RESOLVED}
    for _ in range(3):
        desk.look(*many, found("worst", Severity.CRITICAL))
        assert len(desk.tell()) <= RULES.most_per_run
    desk.look()
    told = []
    for _ in range(4):
        desk.look(after=RULES.settle)
        told.append(desk.tell())
    assert [len(one) for one in told] == [3, 3, 3, 0]
    assert {kind for one in told for kind in one.values()} == {Kind.RESOLVED}


def test_a_channel_is_not_told_of_itself() -> None:
    """The others are."""
    desk = Desk()
    desk.look(found("channel:one"))
    assert (desk.due("one"), desk.due("two")) == ({}, {"channel:one": Kind.OPENED})


def test_a_channel_that_joins_later_hears_what_is_open() -> None:
    """And one that left is told nothing more."""
    desk = Desk(channels=("one",))
    desk.look(found("a"))
    desk.tell()
    desk.channels = ("two",)
    desk.look(found("a"))
    assert (desk.due("one"), desk.tell("two")) == ({}, {"a": Kind.OPENED})


def test_nobody_hears_of_the_end_of_what_he_never_heard_of() -> None:
    """Not even tried, it is dropped; tried, it may have arrived, and its end is told."""
    desk = Desk()
    desk.look(found("a"))
    desk.stumble("two")
    desk.look()
    desk.look(after=RULES.settle)
    assert (desk.due("one"), desk.due("two")) == ({}, {"a": Kind.RESOLVED})
    assert desk.known["a"].pending["two"].tries == 1


@pytest.mark.parametrize("tried", [False, True])
def test_what_comes_back_before_its_end_was_told(tried: bool) -> None:
    """Untold, there was no end; perhaps told, it is opened again."""
    desk = Desk()
    desk.look(found("a"))
    desk.tell()
    desk.look()
    desk.look(after=RULES.settle)
    if tried:
        desk.stumble()
    desk.look(found("a"))
    assert desk.due() == ({"a": Kind.OPENED} if tried else {})


def test_what_is_long_over_is_forgotten() -> None:
    """A page's reference is kept until then, for when the trouble comes back."""
    desk = Desk()
    desk.look(found("a"))
    desk.tell()
    desk.look()
    desk.look(after=RULES.settle)
    desk.tell()
    desk.look(after=REMEMBERED.total_seconds() - 1)
    assert "a" in desk.known
    desk.look(after=2)
    assert desk.known == {}


SEVERITIES = st.sampled_from(list(Severity))
LOOKS = st.lists(
    st.tuples(
        st.sampled_from([60.0, 300.0, 700.0, 3600.0, DAY]),
        st.dictionaries(st.sampled_from([f"k{number}" for number in range(8)]), SEVERITIES),
        st.sampled_from(["tell", "stumble", "nothing"]),
    ),
    max_size=30,
)


@given(LOOKS)
def test_any_history(looks: list[tuple[float, dict[str, Severity], str]]) -> None:
    """Each channel hears beginning, repetitions, end; never more at once than the cap; and in the end all is over."""
    desk = Desk()
    for after, wrong, then in looks:
        opened = set(desk.due())
        desk.look(*(found(key, severity) for key, severity in wrong.items()), after=after)
        fresh = [key for key, kind in desk.due().items() if kind is Kind.OPENED and key != REST and key not in opened]
        assert len(fresh) <= RULES.most_per_run
        assert {key for key in wrong if key not in desk.known} == set()
        if then == "tell":
            desk.tell()
        elif then == "stumble":
            desk.stumble()
    for _ in range(6):
        desk.look(after=DAY)
        desk.tell()
    assert all(one.closed_at and not one.pending.get("one") for one in desk.known.values())
    for key in {told[1] for told in desk.told}:
        in_order(desk, key, sure=all(then != "stumble" for _, _, then in looks))


def in_order(desk: Desk, key: str, *, sure: bool) -> None:
    """What one channel heard of one finding makes sense; `sure`: nothing was tried that may or may not have arrived,
    which is told again with what is known by then.
    """
    heard = [told for told in desk.told if told[1] == key]
    assert heard[0][2] is not Kind.REPEATED
    assert heard[-1][2] is Kind.RESOLVED
    for (*_, before, at, severity), (*_, kind, later, worse) in pairwise(heard):
        if kind is Kind.REPEATED:
            assert before is not Kind.RESOLVED
        if kind is Kind.REPEATED and sure:
            assert worse > severity or (later - at).total_seconds() >= RULES.repeat_after
            assert worse >= RULES.min_severity


@given(st.dictionaries(st.text(min_size=1, max_size=5), SEVERITIES, max_size=40), st.integers(1, 10))
def test_everything_is_told_in_the_end(wrong: dict[str, Severity], cap: int) -> None:
    """What lasts is told once by each channel, however many there are, the worst first."""
    desk = Desk(rules=Rules(most_per_run=cap))
    for _ in range(len(wrong) + 1):
        desk.look(*(found(key, severity) for key, severity in wrong.items()))
        desk.tell()
    told = [(key, severity) for _, key, _, _, severity in desk.told if key != REST]
    assert sorted(key for key, _ in told) == sorted(
        key for key, severity in wrong.items() if severity >= Severity.WARNING
    )
    assert [severity for _, severity in told if cap == 1] == sorted(
        (severity for _, severity in told if cap == 1), reverse=True
    )
