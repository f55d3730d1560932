"""What a page about a finding says, and which of a property's options says it. Pure.

Our part of the description ends with a line that bears the finding's key; what a person writes below it, or puts in the
place of the whole, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from musicsyncd.alerts.base import Alert, Kind, Severity

LONGEST: Final = 2000
"""UTF-16 units of our part of a description, with the mark."""
TITLE: Final = 200
"""UTF-16 units of a title."""
BEGINNINGS: Final = {
    "tasks": ("Not Started", "Ready", "Draft", "To Do", "To-do", "Open", "New"),
    "issues": ("Unreported", "Open", "New", "Not Started", "To-do"),
}
"""By kind of database, names of the state in which a page begins; the first that there is."""
ENDS: Final = {
    "tasks": ("Completed", "Complete", "Done", "Resolved", "Closed"),
    "issues": ("Resolved", "Closed", "Done", "Completed", "Complete"),
}
"""The same of the state in which it ends."""
CLOSED: Final = frozenset(
    {"completed", "complete", "done", "resolved", "closed", "solved", "fixed", "cancelled", "canceled", "archived",
     "rejected", "duplicate", "won't do", "won't fix", "wont fix", "not planned"}
)  # fmt: skip
"""Names of states, casefolded, that a person gives to what he is through with."""
URGENCIES: Final = {
    Severity.CRITICAL: ("critical", "urgent", "highest", "high"),
    Severity.ERROR: ("high", "critical", "urgent"),
    Severity.WARNING: ("medium", "normal", "high"),
    Severity.INFO: ("low", "lowest", "medium"),
}
"""Words of a priority's options, by severity; the first that there is."""
OVER: Final = "Over since "
SEVERITY: Final = "Severity: "
_WORDS: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What stands in a description."""

    ours: bool
    """Whether our part is there."""
    over: bool = False
    """Whether it says that the finding is gone."""
    severity: str = ""
    """The one that it names."""
    notes: str = ""
    """What a person wrote below."""


def mark(key: str) -> str:
    """The line by which a page is found again."""
    return f"[musicsyncd {' '.join(key.split())}] (what is written below this line stays)"


def needle(key: str) -> str:
    """The part of the mark that a query looks for."""
    return f"[musicsyncd {' '.join(key.split())}]"


def title(alert: Alert) -> str:
    """One line."""
    test = "Test: " if alert.kind is Kind.TEST else ""
    return cut(" ".join(f"{test}{alert.finding.what}".split()), TITLE)


def description(alert: Alert, notes: str = "") -> str:
    """Our part, at most 2,000 units long, and the person's notes."""
    found, end = alert.finding, mark(alert.finding.key)
    over = [f"{OVER}{alert.last_seen.isoformat(sep=' ', timespec='minutes')}."] if alert.kind is Kind.RESOLVED else []
    times = "once" if alert.count <= 1 else f"{alert.count} times"
    first, last = (one.isoformat(sep=" ", timespec="minutes") for one in (alert.first_seen, alert.last_seen))
    lines = [
        *over,
        f"{SEVERITY}{found.severity.word}. Found {times}, first {first}, last {last}.",
        *([f"Why: {found.why}"] if found.why else []),
        *([f"What to do: {found.fix}"] if found.fix else []),
        *([found.what] if len(title(alert)) < len(found.what) else []),
    ]
    ours = cut("\n".join(lines), LONGEST - units(end) - 1)
    return f"{ours}\n{end}{notes}"


def told(text: str, key: str) -> Told:
    """What a description says."""
    before, there, after = text.partition(needle(key))
    if not there:
        return Told(ours=False)
    notes = "".join(after.partition("\n")[1:])
    head = before[len(OVER) :] if (over := before.startswith(OVER)) else before
    line = next((one for one in head.splitlines() if one.startswith(SEVERITY)), "")
    return Told(ours=True, over=over, severity=line[len(SEVERITY) :].partition(".")[0], notes=notes)


def first_of(names: Iterable[str], options: Sequence[str]) -> str | None:
    """The first of these names that there is, as the property spells it."""
    known = {one.strip().casefold(): one for one in options}
    return next((known[name.casefold()] for name in names if name.casefold() in known), None)


def urgency(severity: Severity, options: Sequence[str]) -> str | None:
    """The option that says how urgent it is: `High`, or `4 - High`; None when none does."""
    words = {option: {word.casefold() for word in _WORDS.findall(option)} for option in options}
    return next((option for word in URGENCIES[severity] for option in options if word in words[option]), None)


def is_closed(state: object) -> bool:
    """Whether a person, or we, are through with a page in that state."""
    states = state if isinstance(state, list) else [state]
    return any(isinstance(one, str) and one.strip().casefold() in CLOSED for one in states)


def cut(text: str, most: int) -> str:
    """The text, with an ellipsis where it is longer than so many UTF-16 units."""
    if units(text) <= most:
        return text
    kept, used = [], 1
    for character in text:
        used += units(character)
        if used > most:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def units(text: str) -> int:
    """How long Notion takes it to be."""
    return len(text) + sum(character > "\uffff" for character in text)
