"""What the audio stage costs, against ffmpeg's own program: `python -m tests.benchmarks.transcode`.

Both make ALAC, WAV and AIFF from one decode of the same five-minute AAC file, warm, in turns. The figures are
CPU seconds of the child processes (user and system), so that a busy machine disturbs them little.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import av
import imageio_ffmpeg
from av.filter import Graph

from musicsyncd.audio.containers import CONTAINERS
from musicsyncd.audio.decode import Source, pcm_md5
from musicsyncd.audio.tags import to_texts
from musicsyncd.audio.values import Tags, Transcoded
from musicsyncd.audio.work import AudioWorkers
from tests.audio import sounds

SECONDS = 300.0
ROUNDS = 7
FORMATS = ("alac", "wav", "aiff")
TAGS = Tags(title="A title", artists=("Somebody",), bpm=120.0, key="Am", camelot="8A")
SOURCE = sounds.Kind(extension="m4a", container="ipod", codec="aac", bit_rate=256_000)


def children_cpu() -> float:
    """Seconds that the ended child processes have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], object]) -> float:
    """CPU seconds of the processes that the work started."""
    before = children_cpu()
    work()
    return children_cpu() - before


def by_ffmpeg(source: Path, folder: Path, *, evidence: bool = False) -> None:
    """The same three files from one command, at the block size that suits it best.

    With `evidence` also what a transcode of ours always gives: the hash of the samples and of each file.
    """
    names = ("[a]", "[b]", "[c]", "[d]")[: 4 if evidence else 3]
    split = f"[0:a]asetnsamples=n=4096:p=0,asplit={len(names)}{''.join(names)}"
    outputs = ["-map", "[a]", "-c:a", "alac", "-sample_fmt", "s16p", folder / "alac.m4a"]
    outputs += ["-map", "[b]", "-c:a", "pcm_s16le", folder / "wav.wav"]
    outputs += ["-map", "[c]", "-c:a", "pcm_s16be", folder / "aiff.aiff"]
    outputs += ["-map", "[d]", "-c:a", "pcm_s16le", "-f", "md5", "/dev/null"] if evidence else []
    quiet = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")
    argv = (imageio_ffmpeg.get_ffmpeg_exe(), *quiet, "-i", source, "-filter_complex", split, *outputs)
    subprocess.run([str(part) for part in argv], check=True)
    if evidence:
        files = [folder / "alac.m4a", folder / "wav.wav", folder / "aiff.aiff"]
        subprocess.run(["sha256sum", *files], check=True, capture_output=True)


def by_worker(source: Path, folder: Path, *, analyze: bool = False, hashed: bool = False) -> Transcoded:
    """Ours, worker start and imports included."""
    workers = AudioWorkers(nice=0)

    async def work() -> Transcoded:
        return await workers.transcode(source, folder, FORMATS, analyze=analyze, hashed=hashed)

    return anyio.run(work)


def whole_stage(source: Path, folder: Path) -> None:
    """Transcode with analysis, then tags, each read back and each file decoded again."""
    workers, result = AudioWorkers(nice=0), by_worker(source, folder, analyze=True)

    async def work() -> None:
        await workers.tag(result.outputs, TAGS)

    anyio.run(work)


def true_peak(source: Path) -> float:
    """CPU seconds that the loudness meter spends on true peak, which BS.1770 samples four times as often."""
    with Source(source) as opened:
        blocks = [*opened.blocks()]

    def metered(options: str) -> float:
        graph = Graph()
        kind = {"sample_rate": str(blocks[0].sample_rate), "sample_fmt": blocks[0].format.name}
        first = graph.add("abuffer", **kind, channel_layout=blocks[0].layout.name)
        first.link_to(meter := graph.add("ebur128", f"framelog=quiet:metadata=1{options}"))
        meter.link_to(graph.add("abuffersink"))
        graph.configure()
        before = time.process_time()
        for block in blocks:
            graph.push(block)
            with contextlib.suppress(av.BlockingIOError, av.EOFError):
                while True:
                    graph.pull()
        return time.process_time() - before

    return min(metered(":peak=true") for _ in range(3)) - min(metered("") for _ in range(3))


def tags_alone(result: Transcoded) -> float:
    """CPU seconds to copy and tag the finished files without reading anything back."""
    before = time.process_time()
    for made in result.outputs:
        copy = Path(made.path).with_suffix(".copy")
        shutil.copyfile(made.path, copy)
        CONTAINERS[made.format].write(copy, to_texts(TAGS), None)
        copy.unlink()
    return time.process_time() - before


def listen(source: Path) -> None:
    """Decode and hear, and make nothing."""
    anyio.run(AudioWorkers(nice=0).analyze, source)


def decode(source: Path) -> None:
    """Decode, and nothing else; worker start included."""

    async def work() -> None:
        await AudioWorkers(nice=0).probe(source, full=True)

    anyio.run(work)


def memory(source: Path, folder: Path) -> float | None:
    """MB that a worker occupies at most while it makes everything; None where the system does not tell."""
    request = {
        "do": "transcode",
        "source": str(source),
        "folder": str(folder),
        "formats": FORMATS,
        **dict.fromkeys(("depth", "sample_rate")),
        **dict.fromkeys(("analyze", "hashed"), True),
        "lowest": 70.0,
        "highest": 180.0,
    }
    program = (
        "import json, sys; from pathlib import Path; from musicsyncd.audio.worker import handle;"
        "handle(json.loads(sys.argv[1]), lambda message: None); print(Path('/proc/self/status').read_text())"
    )
    argv = (sys.executable, "-c", program, json.dumps(request))
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    found = re.search(r"VmHWM:\s+(\d+) kB", said)
    return int(found[1]) / 1000 if found else None


def pcm_by_ffmpeg(path: Path) -> str:
    """The hash of the samples as ffmpeg itself decodes them."""
    argv = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "s16le", "-")
    return hashlib.md5(subprocess.run(argv, check=True, capture_output=True).stdout).hexdigest()


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = sounds.write(folder / "source.m4a", SOURCE, sounds.music(SOURCE, SECONDS))
        theirs, ours = folder / "ffmpeg", folder / "ours"
        theirs.mkdir()
        ours.mkdir()
        by_ffmpeg(source, theirs)
        by_worker(source, ours)
        print(f"source: {SECONDS:g} s, AAC, {SOURCE.rate} Hz; rival: ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
        hashes = {
            f"{who.name}/{file.name}": (pcm_md5(file), pcm_by_ffmpeg(file))
            for who in (theirs, ours)
            for file in sorted(who.iterdir())
        }
        print(
            "bit-identical samples:", "yes" if len({md5 for pair in hashes.values() for md5 in pair}) == 1 else hashes
        )
        rounds = [
            (
                measured(lambda: by_ffmpeg(source, theirs)),
                measured(lambda: by_ffmpeg(source, theirs, evidence=True)),
                measured(lambda: by_worker(source, ours)),
                measured(lambda: by_worker(source, ours, hashed=True)),
            )
            for _ in range(ROUNDS)
        ]
        # the least of each: whatever else runs on the machine only ever adds
        bare, proven, mine, hashed = (min(times) for times in zip(*rounds, strict=True))
        print("ALAC+WAV+AIFF, CPU seconds, least of the rounds:")
        print(f"  ours, as the pipeline does it (samples hashed) {mine:.2f}, files hashed too {hashed:.2f}")
        print(f"  ffmpeg without any hash {bare:.2f}: ratio {mine / bare:.2f}")
        print(f"  ffmpeg with the same hashes {proven:.2f}: ratio {hashed / proven:.2f}")
        analysed = min(measured(lambda: by_worker(source, ours, analyze=True)) for _ in range(3))
        print(f"with analysis: {analysed:.2f} CPU s, {SECONDS / analysed:.0f} x real time per core")
        heard = min(measured(lambda: listen(source)) for _ in range(3))
        decoded = min(measured(lambda: decode(source)) for _ in range(3))
        print(f"  the whole analysis beside the decode: {heard - decoded:.2f} CPU s")
        print(f"  a worker's memory at most: {memory(source, ours) or math.nan:.0f} MB")
        stage = min(measured(lambda: whole_stage(source, ours)) for _ in range(3))
        print(f"with analysis, tags and verification: {stage:.2f} CPU s, {SECONDS / stage:.0f} x real time per core")
        bare = analysed - true_peak(source) + tags_alone(by_worker(source, ours, analyze=True))
        print(f"  without true peak and verification: {bare:.2f} CPU s, {SECONDS / bare:.0f} x real time per core")


if __name__ == "__main__":
    main()
