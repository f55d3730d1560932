"""Files and folders: what is taken, what is refused and in which words, and that originals stay as they are."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.audio.values import Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.clock import SystemClock
from musicsyncd.errors import BadInput, Denied, MusicsyncError, Temporary
from musicsyncd.sources.folder import FolderSource, path_of
from musicsyncd.sources.folder_scan import translated
from tests.sources.contract import AUDIO, Known, SourceContract
from tests.sources.tones import JPEG, PNG, WaveReader, wav

NAME = "Ada Voss - Night Ferry (X Remix).wav"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def nothing() -> None:
    """Nothing happens."""


class Watch(SystemClock):
    """The real clock, remembering how long it was asked to wait; `during` happens while it waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.during: Callable[[], None] = nothing

    async def sleep(self, seconds: float) -> None:
        """Do not wait, but let happen what should."""
        self.waits.append(seconds)
        self.during()
        await anyio.lowlevel.checkpoint()


def put(path: Path, content: bytes = AUDIO, *, age: float = 60.0) -> Path:
    """Write a file that was last changed so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def silent(share: float | None, text: str) -> None:
    """Nobody listens to progress."""


@pytest.fixture
def reader() -> WaveReader:
    """A reader that needs no worker process."""
    return WaveReader()


@pytest.fixture
def source(reader: WaveReader) -> FolderSource:
    """A source without any limits."""
    return FolderSource(reader, settle=1.0)


async def refusal(source: FolderSource, path: Path | str) -> MusicsyncError:
    """The error that naming this path gives."""
    with pytest.raises(MusicsyncError) as caught:
        await source.resolve(str(path))
    return caught.value


class TestFolderSource(SourceContract):
    """The contract, with the real audio workers."""

    @pytest.fixture
    def known(self, tmp_path: Path) -> Known:
        """A settled WAV file in an inbox."""
        path = put(tmp_path / "inbox" / NAME)
        source = FolderSource(AudioWorkers(), inboxes=[path.parent])
        return Known(source, url=str(path), unknown=str(tmp_path / "nothing.wav"))


async def test_a_folder_gives_every_audio_file_sorted(source: FolderSource, tmp_path: Path) -> None:
    """Audio by its extension, at any depth, in the order of paths; nothing hidden, unfinished or foreign."""
    for number, name in enumerate(("b/2.WAV", "a/1.wav", "3.flac.part", ".4.wav", "b/._2.wav", "5.txt", ".h/6.wav")):
        put(tmp_path / name, wav(0.1, seed=number))
    found = await source.resolve(str(tmp_path))
    assert [path_of(track.source_url) for track in found.tracks] == [tmp_path / "a/1.wav", tmp_path / "b/2.WAV"]
    assert found.refused == ()


async def test_one_bad_file_spoils_nothing(source: FolderSource, tmp_path: Path) -> None:
    """Text named like audio, an empty file and a pipe are refused one by one, each in words; the good one is taken."""
    put(tmp_path / "good.wav")
    put(tmp_path / "poem.mp3", b"roses are red")
    put(tmp_path / "empty.wav", b"")
    os.mkfifo(tmp_path / "pipe.wav")
    with anyio.fail_after(5):
        found = await source.resolve(str(tmp_path))
    assert len(found.tracks) == 1
    said = {Path(one.name).name: str(one.error) for one in found.refused}
    assert set(said) == {"poem.mp3", "empty.wav", "pipe.wav"}
    assert "no audio" in said["poem.mp3"]
    assert "is empty" in said["empty.wav"]
    assert "is a pipe" in said["pipe.wav"]


async def test_special_files_are_never_opened(source: FolderSource, tmp_path: Path) -> None:
    """A pipe, a socket and a device are told by what they are, at once."""
    os.mkfifo(tmp_path / "pipe")
    with anyio.fail_after(5), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert "is a pipe" in str(await refusal(source, tmp_path / "pipe"))
        assert "is a socket" in str(await refusal(source, tmp_path / "socket"))
        assert "is a device" in str(await refusal(source, "/dev/zero"))


async def test_what_is_not_there_is_bad_input(source: FolderSource, tmp_path: Path) -> None:
    """A missing path, an empty folder, a foreign host and an impossible name, each in one sentence or two."""
    assert "There is no" in str(await refusal(source, tmp_path / "nothing"))
    assert "no audio file below" in str(await refusal(source, tmp_path))
    assert "another machine" in str(await refusal(source, "file://nas/music/a.wav"))
    assert "can be no path" in str(await refusal(source, f"/{'x' * 300}.wav"))
    assert "can be no path" in str(await refusal(source, "/a\0b.wav"))
    assert "nobody on this machine" in str(await refusal(source, "~nobody-of-that-name/x.wav"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_an_unreadable_file_is_denied(source: FolderSource, tmp_path: Path) -> None:
    """Missing rights are told as such, with what to do."""
    path = put(tmp_path / "a.wav")
    path.chmod(0)
    assert isinstance(await refusal(source, path), Denied)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOENT, BadInput),
        (errno.ENOTDIR, BadInput),
        (errno.ENAMETOOLONG, BadInput),
        (errno.EACCES, Denied),
        (errno.EPERM, Denied),
        (errno.EIO, Temporary),
        (errno.ESTALE, Temporary),
    ],
)
def test_what_the_system_says_of_a_path_is_classified(number: int, expected: type[MusicsyncError]) -> None:
    """Missing is for good, forbidden is for the owner, a failing disk or network share is worth another try."""
    said = translated(Path("/music/a.wav"), OSError(number, os.strerror(number)))
    assert type(said) is expected
    assert "/music/a.wav" in str(said)


async def test_only_allowed_folders_are_read(reader: WaveReader, tmp_path: Path) -> None:
    """Outside of `allowed` nothing is read, whatever `..` or links say; inside it is."""
    inside, outside = put(tmp_path / "in/a.wav"), put(tmp_path / "out/b.wav")
    (tmp_path / "in/link.wav").symlink_to(outside)
    (tmp_path / "alias").symlink_to(tmp_path / "in")
    source = FolderSource(reader, allowed=[tmp_path / "alias"])
    assert len((await source.resolve(str(inside))).tracks) == 1
    for path in (outside, tmp_path / "in/../out/b.wav", tmp_path / "in/link.wav", tmp_path):
        assert isinstance(await refusal(source, path), Denied)
    track = (await FolderSource(reader).resolve(str(outside))).tracks[0]
    with pytest.raises(Denied):
        await source.supply(track, tmp_path, silent)


async def test_inboxes_are_allowed_too(reader: WaveReader, tmp_path: Path) -> None:
    """An inbox need not be named twice."""
    path = put(tmp_path / "inbox/a.wav")
    source = FolderSource(reader, allowed=[tmp_path / "other"], inboxes=[path.parent])
    assert len((await source.resolve(str(path))).tracks) == 1


async def test_the_daemons_own_folder_is_never_read(reader: WaveReader, tmp_path: Path) -> None:
    """The state folder is denied when named, also through a link, and left out of a folder around it."""
    own, other = put(tmp_path / "state/a.wav"), put(tmp_path / "b.wav", wav(seed=2))
    (tmp_path / "alias").symlink_to(own.parent)
    source = FolderSource(reader, forbidden=[tmp_path / "state"])
    for path in (own, own.parent, tmp_path / "alias/a.wav"):
        assert isinstance(await refusal(source, path), Denied)
    found = await source.resolve(str(tmp_path))
    assert [path_of(track.source_url) for track in found.tracks] == [other]
    assert any(isinstance(one.error, Denied) for one in found.refused)


async def test_links_out_of_the_folder_are_refused(source: FolderSource, tmp_path: Path) -> None:
    """A link to a file or a folder outside, and a dead one, are refused; one that stays inside doubles nothing."""
    outside, root = put(tmp_path / "out/secret.wav", wav(seed=9)), tmp_path / "root"
    inside = put(root / "a.wav")
    links: dict[str, Path | str] = {
        "file.wav": outside,
        "folder": outside.parent,
        "dead.wav": "nowhere",
        "same.wav": inside,
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "loop").symlink_to(root)
    found = await source.resolve(str(root))
    assert [path_of(track.source_url) for track in found.tracks] == [inside]
    assert {Path(one.name).name for one in found.refused} == {"file.wav", "folder", "dead.wav"}


async def test_depth_is_bounded(reader: WaveReader, tmp_path: Path) -> None:
    """Folders deeper than the limit are told, not silently left out."""
    put(tmp_path / "1/2/a.wav")
    put(tmp_path / "1/2/3/b.wav")
    found = await FolderSource(reader, max_depth=2).resolve(str(tmp_path))
    assert len(found.tracks) == 1
    assert [Path(one.name).name for one in found.refused] == ["3"]


async def test_copies_of_one_file_are_one_track(source: FolderSource, tmp_path: Path) -> None:
    """A track is its bytes, whatever their names; the first name counts."""
    put(tmp_path / "a.wav")
    put(tmp_path / "b.wav")
    found = await source.resolve(str(tmp_path))
    assert [path_of(track.source_url).name for track in found.tracks] == ["a.wav"]


async def test_old_files_need_no_wait_and_fresh_ones_share_one(reader: WaveReader, tmp_path: Path) -> None:
    """A file that is older than `settle` is taken at once; twenty fresh ones cost one wait, a future date too."""
    put(tmp_path / "old.wav", wav(0.1, seed=99))
    watch = Watch()
    source = FolderSource(reader, settle=5.0, clock=watch)
    assert len((await source.resolve(str(tmp_path))).tracks) == 1
    assert watch.waits == []
    for number in range(20):
        put(tmp_path / f"{number}.wav", wav(0.1, seed=number), age=-1000.0 * (number % 2))
    assert len((await source.resolve(str(tmp_path))).tracks) == 21
    assert watch.waits == [5.0]


async def test_a_growing_file_is_refused_for_now(reader: WaveReader, tmp_path: Path) -> None:
    """A file that grows, is touched or vanishes while watched waits for another time; its neighbour does not."""
    growing, touched = put(tmp_path / "growing.wav", age=0), put(tmp_path / "touched.wav", wav(seed=2), age=0)
    gone, still = put(tmp_path / "gone.wav", wav(seed=3), age=0), put(tmp_path / "still.wav", wav(seed=4), age=0)
    watch = Watch()

    def happen() -> None:
        growing.write_bytes(AUDIO + b"more")
        os.utime(touched, (1, 1))
        gone.unlink()

    watch.during = happen
    found = await FolderSource(reader, clock=watch).resolve(str(tmp_path))
    assert [path_of(track.source_url) for track in found.tracks] == [still]
    errors = {Path(one.name).name: one.error for one in found.refused}
    assert set(errors) == {"growing.wav", "touched.wav", "gone.wav"}
    assert all(isinstance(error, Temporary) and (error.delay or 0) >= 1 for error in errors.values())


@LINUX
async def test_a_file_that_is_open_for_writing_is_refused_for_now(source: FolderSource, tmp_path: Path) -> None:
    """However old it looks, a file that another process may still write to is not taken; one that it reads is."""
    path = put(tmp_path / "a.wav")

    def opened(mode: str) -> subprocess.Popen[bytes]:
        script = "import sys; file = open(sys.argv[1], sys.argv[2]); print(flush=True); sys.stdin.read()"
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        os.utime(path, (1, 1))
        return process

    with opened("ab"):
        assert isinstance(await refusal(source, path), Temporary)
    with opened("rb"):
        assert len((await source.resolve(str(path))).tracks) == 1


async def test_tags_win_over_the_name_and_the_name_fills_gaps(tmp_path: Path) -> None:
    """What the tags say is taken; title or artist that they lack come from the file's name."""
    path = put(tmp_path / NAME)
    tagged = FolderSource(WaveReader(Tags(title="T", artists=("A", "B"), album="L", genre="House", date="2019")))
    track = (await tagged.resolve(str(path))).tracks[0]
    assert (track.title, track.artists, track.album, track.genre, track.date) == ("T", ("A", "B"), "L", "House", "2019")
    half = (await FolderSource(WaveReader(Tags(title="T"))).resolve(str(path))).tracks[0]
    assert (half.title, half.artists) == ("T", ("Ada Voss",))


async def test_file_urls_paths_and_home_mean_the_same(
    source: FolderSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ways of writing a path lead to the same track, also with characters that URLs escape."""
    path = put(tmp_path / "50% #1? (ü).wav")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    spellings = [
        str(path),
        path.as_uri(),
        path.as_uri().replace("file://", "file://localhost"),
        f"~/{path.name}",
        path.name,
    ]
    found = [await source.resolve(spelling) for spelling in spellings]
    assert all(source.owns(spelling) for spelling in spellings)
    assert {one.tracks for one in found} == {found[0].tracks}


NAMES = st.binary(min_size=1, max_size=250).filter(lambda name: not {0, 47} & set(name) and name[:1] != b".")


@given(name=NAMES)
@settings(max_examples=60, deadline=None)
@pytest.mark.skipif(sys.platform == "darwin", reason="APFS takes UTF-8 only")
async def test_any_name_that_a_disk_can_hold_works(name: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Newlines, emoji, right-to-left, undecodable bytes: found, written down as UTF-8, and copied again."""
    folder = tmp_path_factory.mktemp("names")
    path = put(Path(os.fsdecode(os.fsencode(folder) + b"/" + name + b".wav")), wav(0.05))
    source = FolderSource(WaveReader())
    for asked in (folder, path):
        found = await source.resolve(str(asked))
        assert len(found.tracks) == 1
        assert found.tracks[0].title
        str(found.tracks[0].as_dict()).encode()
    target = tmp_path_factory.mktemp("copy")
    supplied = await source.supply(found.tracks[0], target, silent)
    assert supplied.path.read_bytes() == path.read_bytes()


@given(text=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_path_or_refused_in_words(text: str) -> None:
    """No text that a person types makes anything but a path or a BadInput."""
    for url in (text, f"/{text}", f"~{text}", f"file://{text}", f"file:///{text}"):
        FolderSource(WaveReader()).owns(url)
        try:
            path = path_of(url)
        except BadInput as error:
            said = str(error)
            assert said.endswith(".")
        else:
            assert path.is_absolute()


async def test_supply_leaves_the_original_alone(source: FolderSource, tmp_path: Path) -> None:
    """The copy is another file, not a second name; the original keeps bytes, times and rights."""
    path, folder = put(tmp_path / "a.wav"), tmp_path / "work"
    folder.mkdir()
    before = path.stat()
    track = (await source.resolve(str(path))).tracks[0]
    supplied = await source.supply(track, folder, silent)
    supplied.path.write_bytes(b"changed")
    after = path.stat()
    assert path.read_bytes() == AUDIO
    assert (after.st_mtime_ns, after.st_mode, after.st_nlink) == (before.st_mtime_ns, before.st_mode, 1)


async def test_a_file_that_changed_since_is_not_delivered(source: FolderSource, tmp_path: Path) -> None:
    """Other bytes under the same name are not the track that was asked for."""
    path = put(tmp_path / "a.wav")
    track = (await source.resolve(str(path))).tracks[0]
    put(path, wav(seed=7))
    with pytest.raises(Temporary, match="changed since it was found"):
        await source.supply(track, tmp_path, silent)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Folder.JPG", JPEG, "cover.jpg"),
        ("cover.jpg", PNG, "cover.png"),
        ("a.png", PNG, "cover.png"),
        ("cover.jpg", b"GIF89a", None),
        ("holiday.jpg", JPEG, None),
    ],
)
async def test_the_cover_beside_the_file_comes_along(
    source: FolderSource, tmp_path: Path, name: str, content: bytes, expected: str | None
) -> None:
    """A picture named like a cover or like the track is copied when it really is a JPEG or PNG."""
    path, folder = put(tmp_path / "music/a.wav"), tmp_path / "work"
    folder.mkdir()
    put(path.parent / name, content)
    track = (await source.resolve(str(path))).tracks[0]
    supplied = await source.supply(track, folder, silent)
    assert (supplied.artwork.name if supplied.artwork else None) == expected
    assert supplied.artwork is None or supplied.artwork.read_bytes() == content


async def test_the_inbox_is_listed_newest_first(reader: WaveReader, tmp_path: Path) -> None:
    """Order is by age over all inboxes; a missing inbox is told and hides nothing; an empty one is no error."""
    for number in range(4):
        put(tmp_path / f"in{number % 2}/{number}.wav", wav(0.1, seed=number), age=100.0 * (number + 1))
    (tmp_path / "empty").mkdir()
    inboxes = [tmp_path / name for name in ("in0", "in1", "missing", "empty")]
    source = FolderSource(reader, inboxes=inboxes)
    found = await source.list(limit=3)
    assert [path_of(track.source_url).name for track in found.tracks] == ["0.wav", "1.wav", "2.wav"]
    assert [Path(one.name).name for one in found.refused] == ["missing"]


async def test_an_unchanged_inbox_is_read_once(reader: WaveReader, tmp_path: Path) -> None:
    """Looking again reads no file again, good or bad; a changed one is."""
    path, _ = put(tmp_path / "a.wav"), put(tmp_path / "bad.wav", b"no audio")
    source = FolderSource(reader, inboxes=[tmp_path])
    first = await source.list()
    second = await source.list()
    assert second.tracks == first.tracks
    assert [one.name for one in second.refused] == [one.name for one in first.refused]
    assert len(reader.read_paths) == 2
    put(path, wav(seed=5), age=30)
    assert (await source.list()).tracks != first.tracks
    assert len(reader.read_paths) == 3


async def test_a_thousand_files_are_taken_with_progress(source: FolderSource, tmp_path: Path) -> None:
    """All of a large folder comes, and progress runs up to the whole."""
    for number in range(1000):
        put(tmp_path / f"{number:04}.wav", wav(0.01, seed=number))
    told: list[float | None] = []
    found = await source.resolve(str(tmp_path), progress=lambda share, _: told.append(share))
    assert len(found.tracks) == 1000
    assert told[-1] == 1.0
    assert told == sorted(share for share in told if share is not None)
