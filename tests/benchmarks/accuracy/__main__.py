"""The table of accuracy and speed: `python -m tests.benchmarks.accuracy`. It renders and installs what is missing."""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.accuracy import corpus, pulseless
from tests.benchmarks.accuracy.libraries import ONE_THREAD, PACKAGES, heard_by
from tests.benchmarks.accuracy.make import make
from tests.benchmarks.accuracy.ours import heard, heard_kinds
from tests.benchmarks.accuracy.table import answered, confident, honest, styled, tabled


def main() -> None:
    """Renders, listens, compares, prints Markdown."""
    options = _options()
    os.environ.update(ONE_THREAD)
    folder: Path = options.folder
    numbers = [number for number in corpus.HEARD if options.half in ("both", corpus.half_of(number))]
    known = make(folder, numbers=numbers)
    names = [track.name for track in known]
    ours = heard(folder, names)
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(heard_by, name, folder, names, options.environments) for name in options.libraries]
        libraries = [each.result() for each in asked]
    for half in ("held-out", "tune"):
        tracks = [track for track in known if track.half == half]
        if tracks:
            print(f"\n## {half}: {len(tracks)} tracks\n")
            print(tabled(tracks, answered(ours, libraries)))
            print("\n" + confident(tracks, ours))
            print("\n" + styled(tracks, ours))
    print("\n## What has no tempo or no key\n\n" + honest(heard_kinds(folder, list(pulseless.KINDS))))
    for library in libraries:
        print(f"\n{library.name}: {library.version or 'missing: ' + library.missing}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    temporary = Path(tempfile.gettempdir()) / "musicsyncd-accuracy"
    parser.add_argument("--folder", type=Path, default=temporary / corpus.SEED.replace(" ", "-"))
    parser.add_argument("--environments", type=Path, default=temporary / "environments")
    parser.add_argument("--half", choices=("both", "tune", "held-out"), default="both")
    parser.add_argument("--libraries", nargs="*", choices=tuple(PACKAGES), default=tuple(PACKAGES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
