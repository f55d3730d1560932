"""Random histories of a whole house: nothing is doubled, nothing lost, and in the end everything stands."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from musicsyncd.ledger.entry import Entry
from musicsyncd.sync.request import Scope
from tests.sync.house import CountingShelf, House, running_house, song, sound

NAMES = st.sampled_from("abcd")
POINTS = ("supply", "transcode", "tag", "place", "publish")
SHELVES = st.sampled_from(["main", "second"])
SCOPES = st.sampled_from([Scope.INCREMENTAL, Scope.FULL, Scope.NEXT])


class History(RuleBasedStateMachine):
    """What people, volumes and services do to a house, in any order; `theirs` are bytes that people wrote."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._portal_manager = start_blocking_portal()
        self.portal: BlockingPortal = self._portal_manager.__enter__()
        running: AbstractAsyncContextManager[House] = running_house(Path(self._folder.name) / "staging")
        self._house = self.portal.wrap_async_context_manager(running)
        self.house = self._house.__enter__()
        self.theirs: set[bytes] = set()
        self.cues = itertools.count()
        self.kept: dict[str, set[bytes]] = {"main": set(), "second": set()}
        """Bytes that were once seen on each shelf, less what this history deleted there."""

    def shelf(self, name: str) -> CountingShelf:
        return {"main": self.house.main, "second": self.house.second}[name]

    @initialize(names=st.sets(NAMES))
    def begin(self, names: set[str]) -> None:
        """Some tracks stand already."""
        for name in sorted(names):
            self.house.source.offer(song(name), sound(name))
        self.portal.call(self.house.sync, Scope.FULL)

    @rule(name=NAMES, alike=st.booleans())
    def offer(self, name: str, alike: bool) -> None:
        """A source offers a track; some of them are one recording under several names."""
        self.house.source.offer(song(name), sound("same" if alike else name, encoding=name))

    @rule(name=NAMES)
    def offer_a_preview(self, name: str) -> None:
        """A source has no more than a preview of it."""
        self.house.source.offer(song(name), sound(name, 30.0))

    @precondition(lambda self: self.house.main.standing() or self.house.second.standing())
    @rule(shelf=SHELVES, data=st.data())
    def delete_a_file(self, shelf: str, data: st.DataObject) -> None:
        """Somebody deletes a kept file."""
        if standing := sorted(self.shelf(shelf).standing()):
            gone = self.shelf(shelf).files.pop(data.draw(st.sampled_from(standing)))
            self.kept[shelf].discard(gone)
            self.theirs.discard(gone)

    @precondition(lambda self: self.house.main.standing() or self.house.second.standing())
    @rule(shelf=SHELVES, data=st.data())
    def change_a_file(self, shelf: str, data: st.DataObject) -> None:
        """Another program writes into a kept file."""
        files = self.shelf(shelf).files
        if standing := sorted(self.shelf(shelf).standing()):
            path = data.draw(st.sampled_from(standing))
            self.kept[shelf].discard(files[path])
            self.theirs.discard(files[path])
            self.shelf(shelf).write(path, f"cue point {next(self.cues)}".encode())
            self.theirs.add(files[path])

    @rule(main=st.booleans(), second=st.booleans(), catalog=st.booleans())
    def come_and_go(self, main: bool, second: bool, catalog: bool) -> None:
        """Volumes and the catalog go away and come back."""
        self.house.set(main=main, second=second, catalog=catalog)

    @rule()
    def lose_an_answer(self) -> None:
        """The catalog will break off once, after it wrote."""
        self.house.catalog.lose_answers = 1

    @rule()
    def restart(self) -> None:
        """The engine stops and starts anew."""
        self.portal.call(self.house.stop)
        self.portal.call(self.house.start)

    @rule(scope=SCOPES)
    def sync(self, scope: Scope) -> None:
        """A request runs to its end."""
        self.portal.call(self.house.sync, scope)

    @rule(scope=SCOPES, point=st.sampled_from(POINTS), when=st.sampled_from(["before", "after"]), wiped=st.booleans())
    def sync_interrupted(self, scope: Scope, point: str, when: str, wiped: bool) -> None:
        """The engine is stopped somewhere on the way, starts anew, perhaps without its staging folder, and goes on."""
        self.house.gate.close(point, when)
        self.portal.call(self.house.ask, scope)
        self.portal.call(self.house.idle_or_stopped)
        self.portal.call(self.house.stop)
        self.house.gate.open()
        if wiped:
            shutil.rmtree(self.house.staging, ignore_errors=True)
        self.portal.call(self.house.start)
        self.portal.call(self.house.idle)

    @invariant()
    def nothing_is_doubled(self) -> None:
        """One row per track at most, none for what is no track, and no identity without exactly one track."""
        keys = [row.key for row in self.house.catalog.rows.values()]
        assert len(keys) == len(set(keys))
        entries = self.entries()
        assert set(keys) <= {entry.id for entry in entries}
        named = [identity for entry in entries for identity in entry.track.identities]
        assert len(named) == len(set(named))
        keepers = {entry.id for entry in entries if not entry.duplicate_of}
        assert all(entry.duplicate_of in keepers for entry in entries if entry.duplicate_of)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What stood on a shelf stands there still, if only in its recycle area, unless this history deleted it."""
        for name, kept in self.kept.items():
            now = set(self.shelf(name).files.values())
            assert kept <= now
            kept |= now

    @invariant()
    def nothing_lies_about(self) -> None:
        """No job is active between two steps of the history, so nothing waits in staging."""
        assert self.house.leftovers() == []

    def nothing_strays(self) -> None:
        """Every file outside the recycle areas is some track's, or was written by somebody else."""
        evidence = [one for entry in self.entries() for one in entry.evidence]
        for shelf in (self.house.main, self.house.second):
            ours = {one.detail["path"] for one in evidence if one.target == shelf.target}
            assert all(path in ours or data in self.theirs for path, data in shelf.standing().items())

    def entries(self) -> list[Entry]:
        return self.portal.call(lambda: self.house.ledger.search(limit=100))

    def teardown(self) -> None:
        """With everything back, all that is not refused stands after one full run, and another one writes nothing."""
        try:
            self.house.set()
            self.house.catalog.lose_answers = 0
            self.portal.call(self.house.sync, Scope.FULL)
            for entry in self.entries():
                lacks = self.portal.call(self.house.lookout.look, entry).lacks
                refused = self.house.source.audio(entry.track) == sound(entry.track.title[-1], 30.0)
                assert entry.failure is None or refused
                assert entry.duplicate_of or refused or (entry.settled_at and not lacks)
            before = self.house.writes()
            self.portal.call(self.house.sync, Scope.FULL)
            assert self.house.writes() == before
            self.nothing_is_doubled()
            self.nothing_is_lost()
            self.nothing_lies_about()
            self.nothing_strays()
            assert self.theirs <= set(self.house.main.files.values()) | set(self.house.second.files.values())
        finally:
            self._house.__exit__(None, None, None)
            self._portal_manager.__exit__(None, None, None)
            self._folder.cleanup()


TestHistories = History.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
