"""musicsyncctl tracks: what is known and proven of each track."""

from __future__ import annotations

import argparse
from typing import Any, Final
from urllib.parse import quote

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, export, following, show
from musicsyncd.music.honesty import doubt

VERBS: Final = ("show", "retry", "skip", "unskip", "forget", "export")
SEE_TRACKS: Final = "See: musicsyncctl tracks"


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(
        groups, "tracks", tracks, "tracks, the newest first; or one of them: show TRACK, retry TRACK, skip TRACK, ..."
    )
    parser.intermixed = True
    parser.add_argument(
        "words",
        nargs="*",
        metavar="QUERY",
        help="words that must occur in a track's facts; or: show TRACK, retry TRACK, skip TRACK (not wanted any more), "
        "unskip TRACK, forget TRACK (it is yours alone), export [QUERY]",
    )
    parser.add_argument(
        "--limit",
        type=asking.listed,
        metavar="N",
        default=50,
        help=f"how many (default 50, at most {asking.MOST_LISTED})",
    )
    again = parser.add_argument_group("retry", "with --step: do a step again for what stands, without downloading")
    again.add_argument("--step", metavar="STEP", help="analyze (and what follows from it) or tag")
    again.add_argument("--query", nargs="+", default=[], metavar="WORD", help="for every track that these words find")
    again.add_argument("--all", action="store_true", help="for every track")
    again.add_argument(
        "--outdated", action="store_true", help="only tracks whose analysis is of an older version than the daemon's"
    )
    again.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    again.add_argument("--wait", action="store_true", help="follow the work; the exit code tells how it ended")
    forget = parser.add_argument_group("forget")
    forget.add_argument(
        "--retire", action="store_true", help="move its files to the recycle areas; undo brings them back"
    )
    export.add_flags(parser)
    parser.set_defaults(misused=parser.error, verbs=VERBS)


def tracks(args: argparse.Namespace) -> int:
    """List them, or do what the verb says with one."""
    if unfit := _unfit(args):
        args.misused(unfit)
    match args.words:
        case ["retry"] if args.query or args.all:
            return again(args)
        case ["show", reference] if reference.strip():
            return show_track(args, reference)
        case ["retry", reference] if reference.strip():
            return retry(args, reference)
        case ["skip" | "unskip" | "forget" as verb, reference] if reference.strip():
            return left_alone(args, verb, reference)
        case ["export", *query]:
            return export.export(args, query)
        case [verb] | [verb, _] if verb in VERBS:
            args.misused(f"Which track? musicsyncctl tracks {verb} TRACK. See ids with: musicsyncctl tracks")
    answer = asking.client(args).get(f"/v1/tracks?q={quote(' '.join(args.words))}&limit={args.limit}")
    if args.json:
        show.as_json(answer)
    elif answer["tracks"]:
        show.table([row(track) for track in answer["tracks"]], head=HEAD, clip=(HEAD.index("TRACK"),))
    else:
        words = show.one_line(" ".join(args.words))
        print(f"No track knows {words!r}." if words else "No tracks yet. Ask for music: musicsyncctl sync --url URL")
    return 0


HEAD = ("ID", "STATE", "TRACK", "FORMATS", "BPM", "KEY", "LUFS")


def row(track: dict[str, Any]) -> list[str]:
    """A track on one line, with the tempo and key that count."""
    heard = (track["analysis"] or {}) | track["counts"]
    formats = ",".join(dict.fromkeys(one["format"] for one in track["files"]))
    return [track["id"], track["state"], track["label"], formats or "-", bpm(heard), key(heard), lufs(heard)]


def bpm(heard: dict[str, Any]) -> str:
    """Tempo with two decimals."""
    return f"{heard['bpm']:.2f}" if heard.get("bpm") else "-"


def key(heard: dict[str, Any]) -> str:
    """Key and Camelot."""
    return f"{heard['key']} {heard['camelot']}" if heard.get("key") else "-"


def lufs(heard: dict[str, Any]) -> str:
    """Integrated loudness."""
    return f"{heard['integrated_lufs']:.1f}" if heard.get("integrated_lufs") is not None else "-"


def _doubt(heard: dict[str, Any]) -> str:
    """Why the audio may be less than its codec promises."""
    said = doubt(heard.get("cutoff_hz"), heard.get("lossless_honest"))
    return f" — but {said}" if said else ""


def show_track(args: argparse.Namespace, reference: str) -> int:
    """One track: its targets, files and rows."""
    with asking.helped(SEE_TRACKS):
        answer = asking.client(args).get(f"/v1/tracks/{quote(reference, safe='')}")
    show.as_json(answer) if args.json else details(answer)
    return 0


def _unfit(args: argparse.Namespace) -> str:
    """Why the flags cannot be meant together; empty when they can."""
    verb = next(iter(args.words), "")
    if verb != "export" and export.used(args):
        return "--format, --playlist, --volume, --output, --playlists and --relative go with: tracks export"
    if args.retire and verb != "forget":
        return "--retire goes with: tracks forget"
    if verb == "export" and (why := export.unfit(args)):
        return why
    many = bool(args.query) or args.all
    if args.words[:1] != ["retry"]:
        waits = args.wait and verb != "unskip"
        used = many or args.step is not None or args.outdated or args.dry_run or waits
        return "--step, --query, --all, --outdated, --dry-run and --wait go with: tracks retry" if used else ""
    if many and (len(args.words) > 1 or (args.query and args.all)):
        return "One of them: a track, --query or --all"
    if args.step is None and (many or args.outdated or args.dry_run):
        return "Say which --step is to be done again, for example --step analyze"
    return ""


def retry(args: argparse.Namespace, reference: str) -> int:
    """Ask the daemon to look at it now, and do what it lacks; with a step to do that again."""
    if args.step is not None:
        return again(args, reference)
    asked = asking.client(args)
    with asking.helped(SEE_TRACKS):
        answer = asked.post(f"/v1/tracks/{quote(reference, safe='')}/retry")
    if args.wait:
        return following.seen_through(args, asked, answer["jobs"])
    show.as_json(answer) if args.json else print(f"Asked: job {answer['jobs'][0]}")
    return 0


TOLD: Final = {
    "skip": "is left alone until: musicsyncctl tracks unskip",
    "forget": "is yours alone now; its files and rows stay as they are. To take that back: musicsyncctl tracks unskip",
}


def left_alone(args: argparse.Namespace, verb: str, reference: str) -> int:
    """Have the daemon leave a track alone, or want it again."""
    asked = asking.client(args)
    path = f"/v1/tracks/{quote(reference, safe='')}"
    with asking.helped(SEE_TRACKS):
        if verb == "forget" and args.retire:
            return retired(args, asked, path)
        answer = asked.post(f"{path}/{verb}")
        if verb == "unskip" and args.wait:
            return following.seen_through(args, asked, answer["jobs"])
        track = asked.get(path)
    if args.json:
        show.as_json(track if verb != "unskip" else answer)
    elif verb == "unskip":
        print(f"Wanted again: job {answer['jobs'][0]}")
    else:
        print(show.one_line(f"{track['label']} {TOLD[verb]} {track['id']}"))
    return 0


def retired(args: argparse.Namespace, asked: Client, path: str) -> int:
    """Have a forgotten track's files and rows put away, and follow that to its end."""
    code, job = following.followed(asked, f"{path}/forget", {"retire": True})
    if args.json:
        show.as_json({"schema": "musicsyncd.forgotten/1", **following.outcome(job)})
    elif done := job["result"]:
        for file in done["moved"]:
            print(show.one_line(f"{file['shelf']}  {file['path']}  {show.size(file['size'])}"))
        for one in done["left"]:
            told = f"  {one['target']}  {one['path']}: {show.sentence(one['error'])}"
            print(show.coloured("left", "yellow") + show.one_line(told))
        print(f"{done['summary']}. Take it back: musicsyncctl undo {job['id']}")
    return following.ended(code, job)


FACTS: Final = (
    ("album", "album"),
    ("date", "date"),
    ("record_label", "label"),
    ("catalog_number", "catalog_number"),
    ("isrc", "isrc"),
)
"""Facts of an answer, and what the answer calls them where it says who filled them in."""


def _facts(track: dict[str, Any]) -> list[list[str]]:
    """What is known of the release, each with who said it."""
    told = {name: track["origins"].get(field, track["source"]) for name, field in FACTS}
    rows = [[field.replace("_", " "), f"{track[name]}  ({told[name]})"] for name, field in FACTS if track[name]]
    cover = track["origins"].get("artwork")
    return rows + ([["artwork", f"({cover})"]] if cover else [])


def _reason(word: dict[str, Any]) -> str:
    """Why somebody said nothing, or could not be asked."""
    return str(word.get("trouble") or word.get("note") or "")


def again(args: argparse.Namespace, reference: str = "") -> int:
    """Ask for one step again, for one track or for many."""
    asked = asking.client(args)
    question = {
        "step": args.step,
        "track": reference,
        "query": " ".join(args.query),
        "everything": args.all,
        "outdated": args.outdated,
        "dry_run": args.dry_run,
    }
    with asking.helped(SEE_TRACKS):
        jobs = asked.post("/v1/retry", question)["jobs"]
    asking.warn_if_older(asked)
    return following.seen_through(args, asked, jobs)


ORIGINS: Final = {
    "person": "said by a person",
    "dj": "by DJ software",
    "file": "by the tags that it came with",
    "ours": "heard",
}


def _worded(track: dict[str, Any], field: str, text: str, unknown: str) -> str:
    """A value with whose it is, and what we hear where that is something else."""
    origin = track["counts"][f"{field}_origin"]
    if not origin:
        return unknown
    told = (one["software"] for name, one in track["said"].items() if name == origin and "software" in one)
    software = next(told, "")
    whose = f"by {software}" if software else ORIGINS.get(origin, origin)
    ours = track["counts"][f"{field}_disagrees"]
    return f"{text}, {whose}" + (f"; {ours}" if ours else "")


def details(track: dict[str, Any]) -> None:
    """The answer, for people."""
    heard, source, counts = track["analysis"] or {}, track["source_audio"] or {}, track["counts"]
    print(show.coloured(show.one_line(track["label"]), "bold"))
    rows = [["id", track["id"]], ["state", track["state"]], ["from", f"{track['source']}  {track['source_url']}"]]
    if source.get("codec"):
        rate = f", {round(source['bit_rate'] / 1000)} kbit/s" if source.get("bit_rate") else ""
        loss = "lossless" if source.get("lossless") else "lossy"
        rows.append(["source audio", f"{source['codec']}, {source['sample_rate']} Hz{rate}, {loss}{_doubt(heard)}"])
    rows += [["warning", one] for one in source.get("warnings", ())]
    if heard or track["said"]:
        rows.append(["tempo", _worded(track, "bpm", f"{bpm(counts)} BPM", "too short or too unsteady to tell")])
        rows.append(["key", _worded(track, "key", key(counts), "too short or too ambiguous to tell")])
    if heard:
        rows.append(["loudness", f"{lufs(heard)} LUFS"])
    rows += _facts(track)
    rows += [[origin, reason] for origin, word in track["said"].items() if (reason := _reason(word))]
    rows += [["in playlist", f"{one['title']}  ({one['id']})"] for one in track["playlists"]]
    rows += [["also known as", identity] for identity in track["identities"]]
    rows += [[target, state] for target, state in track["targets"].items()]
    rows += [[f"{one['volume']} {one['format']}", f"{one['path']}  {show.size(one['size'])}"] for one in track["files"]]
    if track["duplicate_of"]:
        rows.append(["duplicate of", f"{track['duplicate_of']}: {(track['verdict'] or {}).get('reason', '')}"])
    if track["failure"]:
        rows.append(["failed", show.sentence(track["failure"])])
    show.table(rows)
