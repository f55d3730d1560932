"""The shelves that there are now: one mapping, shared by all who work with them, that follows what a person adds."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TypeVar

from musicsyncd.errors import Degraded
from musicsyncd.library.base import Shelf

S = TypeVar("S", bound=Shelf)
D = TypeVar("D")


class Shelves(Mapping[str, S]):
    """Shelves by target name. Who iterates sees them as they were when that began.

    Asked for one that is not there, it raises Degraded: who held its name found it here a moment ago.
    """

    def __init__(self) -> None:
        self._now: dict[str, S] = {}

    def put(self, shelf: S) -> None:
        """Add a shelf, in place of one with its name."""
        self._now = {**self._now, shelf.target: shelf}

    def take_out(self, target: str) -> None:
        """Forget a shelf."""
        self._now = {name: shelf for name, shelf in self._now.items() if name != target}

    def __getitem__(self, target: str) -> S:
        try:
            return self._now[target]
        except KeyError:
            raise Degraded(f"{target} was taken out", target=target, fix="Add it: musicsyncctl volumes add") from None

    def get(self, target: str, default: D | None = None) -> S | D | None:  # type: ignore[override]
        return self._now.get(target, default)

    def __contains__(self, target: object) -> bool:
        return target in self._now

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def keys(self) -> KeysView[str]:
        return self._now.keys()

    def values(self) -> ValuesView[S]:
        return self._now.values()

    def items(self) -> ItemsView[str, S]:
        return self._now.items()


class Behind(Mapping[str, Shelf]):
    """The volumes as they are now, and behind them shelves that are given what stands on a volume already."""

    def __init__(self, volumes: Mapping[str, Shelf], last: Mapping[str, Shelf]) -> None:
        self._volumes, self._last = volumes, last

    def __getitem__(self, target: str) -> Shelf:
        return self._last[target] if target in self._last else self._volumes[target]

    def get(self, target: str, default: D | None = None) -> Shelf | D | None:  # type: ignore[override]
        return self[target] if target in self else default  # noqa: SIM401  that would be this very method

    def __contains__(self, target: object) -> bool:
        return target in self._last or target in self._volumes

    def __iter__(self) -> Iterator[str]:
        yield from self._volumes
        yield from self._last

    def __len__(self) -> int:
        return len(self._volumes) + len(self._last)
