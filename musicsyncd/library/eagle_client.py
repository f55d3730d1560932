"""How Eagle is spoken to: its local API, the second version where there is one, else the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.errors import Degraded, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import Answer, HttpClient, Question

TARGET: Final = "volume:eagle"
PACE: Final = Pace(rate=200.0, burst=400, patience=0.5, trips=9, rest=1.0, longest_rest=10.0)
"""It is on this machine, where asking in vain costs nothing."""
LISTED: Final = 1000
"""Items of one page."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a page, or of a library's tree of folders."""
OPEN_EAGLE: Final = "Start Eagle"
NO_ITEM: Final = ("not exist", "not found", "no such item")
"""In what it says when it has no item of an id; any other refusal tells nothing of the item."""


class Refused(Degraded):
    """Eagle answered, and would not."""


class NotOffered(Refused):
    """This Eagle has no such question."""


class TokenRefused(Refused):
    """Eagle wants the token of its preferences, or another one."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file in Eagle's library."""

    id: str
    name: str = ""
    ext: str = ""
    size: int = 0
    url: str = ""
    tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    annotation: str = ""
    star: int = 0
    mtime: int = 0
    """Milliseconds since the epoch: the file's own time."""
    deleted: bool = False
    """Whether it lies in Eagle's trash."""

    @property
    def path(self) -> str:
        """Its file below the library's root."""
        return f"images/{self.id}.info/{self.name}.{self.ext}"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Item:
        return cls(
            id=str(data["id"]),
            name=str(data.get("name") or ""),
            ext=str(data.get("ext") or "").lower(),
            size=int(data.get("size") or 0),
            url=str(data.get("url") or ""),
            tags=tuple(map(str, data.get("tags") or ())),
            folders=tuple(map(str, data.get("folders") or ())),
            annotation=str(data.get("annotation") or ""),
            star=int(data.get("star") or 0),
            mtime=int(data.get("mtime") or 0),
            deleted=bool(data.get("isDeleted")),
        )


@dataclass(frozen=True, kw_only=True)
class Import:
    """What Eagle is asked to take in."""

    id: str
    """Ours; the first version of the API gives its own."""
    path: str
    name: str
    url: str
    tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    annotation: str = ""
    star: int = 0

    def as_dict(self) -> dict[str, Any]:
        said = {"path": self.path, "name": self.name, "website": self.url, "tags": [*self.tags]}
        said |= {"annotation": self.annotation} if self.annotation else {}
        return said | ({"star": self.star} if self.star else {})


class EagleClient:
    """Every question is Degraded when Eagle does not answer or refuses, and says what to do."""

    def __init__(self, http: HttpClient, budget: Budget, base_url: str, token: str = "") -> None:
        self._http, self._budget, self._base, self._token = http, budget, base_url.rstrip("/"), token
        self._newer: bool | None = None
        self.closed = False
        """Whether nobody listened there at some question; for who takes note of it to put back."""

    async def newer(self) -> bool:
        """Whether the second version of the API is there; asked anew whenever Eagle was away."""
        if self._newer is None:
            try:
                await self._get("/api/v2/app/info")
                self._newer = True
            except NotOffered:
                self._newer = False
        return self._newer

    async def library(self) -> str:
        """The path of the library that is open; empty when there is none."""
        data = await self._get("/api/library/info")
        return str((data.get("library") or {}).get("path") or "") if isinstance(data, dict) else ""

    async def switch(self, path: str) -> None:
        """Ask it to open another library; it answers before that is open."""
        await self._post("/api/library/switch", {"libraryPath": path})

    async def item(self, id_: str) -> Item | None:
        """One item, in the trash too; None when there is none."""
        if await self.newer():
            data = await self._post("/api/v2/item/get", {"id": id_}, repeatable=True)
            return next((one for one in _items(data) if one.id == id_), None)
        try:
            data = await self._get("/api/item/info", {"id": id_})
        except Refused as error:
            if any(words in error.why.lower() for words in NO_ITEM):
                return None
            raise
        return next((one for one in _items([data]) if one.id == id_), None)

    async def page(self, number: int) -> list[Item]:
        """All items in pages of `LISTED`, from 0, the trash left out."""
        if await self.newer():
            asked = {"offset": number * LISTED, "limit": LISTED}
            return _items(await self._post("/api/v2/item/get", asked, repeatable=True))
        return await self._listed({"offset": str(number), "limit": str(LISTED), "orderBy": "CREATEDATE"})

    async def newest(self, number: int, limit: int) -> list[Item]:
        """The items that came last, in pages from 0."""
        return await self._listed({"offset": str(number), "limit": str(limit), "orderBy": "-CREATEDATE"})

    async def like(self, *, url: str, name: str, ext: str) -> list[Item]:
        """Items of this extension with this very address, or where there is no address with this very name."""
        narrowed = {"url": url} if url else {"name": name}
        found = await self._listed({"limit": str(LISTED), "ext": ext} | narrowed)
        return [one for one in found if one.ext == ext and (one.url == url if url else one.name == name)]

    async def add(self, order: Import) -> str:
        """Queue an import; the item's id. It can be read some time later."""
        if await self.newer():
            one = order.as_dict() | {"id": order.id, "folders": [*order.folders]}
            await self._post("/api/v2/item/add", {"items": [one]})
            return order.id
        folder = {"folderId": order.folders[0]} if order.folders else {}
        data = await self._post("/api/item/addFromPath", order.as_dict() | folder)
        return str(data.get("id") or "") if isinstance(data, dict) else str(data or "")

    async def write_tags(self, id_: str, tags: Sequence[str]) -> None:
        """Have an item bear these tags and no others."""
        path = "/api/v2/item/update" if await self.newer() else "/api/item/update"
        if not await self._post(path, {"id": id_, "tags": [*tags]}, repeatable=True):
            raise _refused("it knows no such item")

    async def trash(self, id_: str) -> None:
        """Move an item to Eagle's trash."""
        await self._post("/api/item/moveToTrash", {"itemIds": [id_]}, repeatable=True)

    async def revive(self, id_: str) -> bool:
        """Take an item out of the trash; False when it is not there. NotOffered by the first version of the API."""
        if not await self.newer():
            raise NotOffered("This Eagle takes nothing out of its trash by itself", target=TARGET)
        return bool(await self._post("/api/v2/item/update", {"id": id_, "isDeleted": False}, repeatable=True))

    async def folder(self, *names: str) -> str:
        """The id of a folder by the names that lead to it; what is missing is made."""
        data = await self._get("/api/folder/list")
        branch = data if isinstance(data, list) else []
        parent = ""
        for name in names:
            known = next((one for one in branch if one.get("name") == name), None)
            parent = str(known["id"]) if known else await self._make_folder(name, parent)
            branch = list(known.get("children") or ()) if known else []
        return parent

    async def _make_folder(self, name: str, parent: str) -> str:
        made = await self._post("/api/folder/create", {"folderName": name} | ({"parent": parent} if parent else {}))
        if not isinstance(made, dict) or not made.get("id"):
            raise _refused("it made no folder")
        return str(made["id"])

    async def _listed(self, params: Mapping[str, str]) -> list[Item]:
        return _items(await self._get("/api/item/list", params))

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        hidden = {"token": self._token} if self._token else {}
        return await self._asked(Question(url=self._base + path, params=params or {}, hidden=hidden, limit=LARGEST))

    async def _post(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Any:
        told = {**body} | ({"token": self._token} if self._token else {})
        return await self._asked(Question(url=self._base + path, json=told, limit=LARGEST, repeatable=repeatable))

    async def _asked(self, question: Question) -> Any:
        try:
            return _read(await self._http.ask(self._budget, question), self._token)
        except Temporary as error:
            self._newer = None
            self.closed |= type(error.__cause__).__name__ == "ConnectError"  # httpx is not loaded for its name
            why = error.why or error.what
            raise Degraded("Eagle does not answer", target=TARGET, why=why, fix=OPEN_EAGLE) from error


def _read(answer: Answer, secret: str) -> Any:
    """What it says; Eagle's status tells more than HTTP's. A refusal might quote what it was asked."""
    if answer.status == 401:
        fix = "Copy the token from Eagle's preferences (Developer) into eagle.token"
        raise TokenRefused("Eagle refuses the token", target=TARGET, fix=fix)
    if answer.status == 404:
        raise NotOffered("This Eagle has no such question", target=TARGET, fix="Update Eagle")
    try:
        said = answer.json()
    except ValueError as error:
        raise _refused("its answer makes no sense") from error
    if answer.status >= 400 or not isinstance(said, dict) or said.get("status") != "success":
        told = said.get("message") or said.get("data") or said.get("code") if isinstance(said, dict) else ""
        told = told.replace(secret, "(hidden)") if secret and isinstance(told, str) else told
        raise _refused(told[:200] if isinstance(told, str) and told else f"it answered {answer.status}")
    return said.get("data")


def _refused(why: str) -> Refused:
    return Refused(
        "Eagle would not do it", target=TARGET, why=why, fix="Look at Eagle: it may be waiting for an answer"
    )


def _items(data: Any) -> list[Item]:
    return list(_each(data.get("data") if isinstance(data, dict) else data))


def _each(rows: Any) -> Iterator[Item]:
    for row in rows if isinstance(rows, list) else ():
        with suppress(TypeError, ValueError, KeyError):  # what is no item is passed over
            yield Item.from_dict(row)
