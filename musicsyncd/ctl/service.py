"""musicsyncctl service: have the machine's service manager start the daemon and keep it up."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from musicsyncd.ctl import asking, show
from musicsyncd.errors import BadInput, NeedsPerson

if TYPE_CHECKING:
    from musicsyncd.ctl.service_manager import Manager, Standing
    from musicsyncd.ctl.service_unit import Plan
    from musicsyncd.settings import Loaded, Settings

TOOLS: Final = ("ffmpeg", "ffprobe", "fpcalc", "exiftool", "deno", "node", "bun", "qjs")
"""Programs whose folders the service is told, where this shell finds them."""
USUAL: Final = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


def register(groups: Any) -> None:
    """Add the command group."""
    group = asking.command(groups, "service", status, "run the daemon as a service", json=False)
    verbs = group.add_subparsers(metavar="COMMAND", required=True)
    text = "have it started at boot or login, and now; again after an upgrade"
    installer = _verb(verbs, "install", install, text)
    installer.add_argument("--user", metavar="NAME", help="with --system: whom it runs as (default: a user of its own)")
    installer.add_argument("--no-start", action="store_true", help="not now")
    installer.add_argument("--print", action="store_true", help="print what would be written, and do nothing")
    _verb(verbs, "uninstall", uninstall, "stop it and forget it; music and database stay")
    _verb(verbs, "start", start, "start it")
    _verb(verbs, "stop", stop, "stop it until the next start, boot or login")
    shower = _verb(verbs, "status", status, "whether it runs; exit 3 when it does not")
    shower.add_argument("--json", action="store_true", help="print JSON")


def _verb(verbs: Any, name: str, func: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser = asking.command(verbs, name, func, text, json=False)
    parser.add_argument("--system", action="store_true", help="the machine's service, not this user's (systemd)")
    return parser


def install(args: argparse.Namespace) -> int:
    """Write the unit and start it; ConfigInvalid before anything is written when the settings are wrong."""
    if args.user and not args.system:
        raise BadInput("--user goes with --system", why="A user's own service runs as that user")
    plan = planned(args)
    if args.print:
        sys.stdout.write(written(plan))
        return 0
    manager = manager_of(args)
    path = manager.install(plan, start=not args.no_start)
    print(f"installed: {show.one_line(str(path))}")
    _print_left_out()
    standing = manager.standing()
    _print_standing(standing)
    return 0 if standing.running or args.no_start else 1


def uninstall(args: argparse.Namespace) -> int:
    """Forget the service; what it kept is the owner's."""
    removed = manager_of(args).uninstall()
    print("\n".join(f"removed: {show.one_line(str(path))}" for path in removed) or "there was no service")
    return 0


def start(args: argparse.Namespace) -> int:
    """Start it, and say how it is."""
    manager = manager_of(args)
    manager.start()
    _print_standing(manager.standing())
    return 0


def stop(args: argparse.Namespace) -> int:
    """Stop it."""
    manager_of(args).stop()
    return 0


def status(args: argparse.Namespace) -> int:
    """How the service manager sees it; exit 3 when it does not run."""
    standing = manager_of(args).standing()
    show.as_json(standing.as_dict()) if args.json else _print_standing(standing)
    return 0 if standing.running else 3


def _print_standing(standing: Standing) -> None:
    pid = f"  pid {standing.pid}" if standing.pid else ""
    restarts = f"  {standing.restarts} restarts" if standing.restarts else ""
    print(show.one_line(f"{standing.unit} ({standing.manager}): {standing.state}{pid}{restarts}"))
    if not standing.path:
        print("It is not installed: musicsyncctl service install")
    if standing.text:
        print(show.one_line(standing.text))
    if standing.note and standing.path:
        print(show.one_line(standing.note))


def manager_of(args: argparse.Namespace) -> Manager:
    """Who would keep the daemon up that these flags mean."""
    name = "musicsyncd-dev" if _dev(args) else "musicsyncd"
    if sys.platform == "darwin":
        from musicsyncd.ctl.service_launchd import Launchd

        if args.system:
            raise BadInput("launchd runs it as an agent of yours only", why="Volumes and Eagle are in your session")
        return Launchd(name)
    from musicsyncd.ctl.service_systemd import Systemd

    return Systemd(name, system=args.system)


def written(plan: Plan) -> str:
    """What `install` writes on this platform."""
    from musicsyncd.ctl.service_unit import agent, unit

    return agent(plan, Path.home() / "Library" / "Logs").decode() if sys.platform == "darwin" else unit(plan)


def planned(args: argparse.Namespace) -> Plan:
    """How the daemon is to be started: as this command would, with absolute paths."""
    from musicsyncd.ctl.service_unit import Plan

    if args.system and args.config:
        _refuse_hidden(Path(os.path.abspath(args.config)))  # noqa: PTH100
    loaded = _loaded(args)
    python = os.path.abspath(sys.executable)  # noqa: PTH100  not resolved: the link is what makes it our environment
    if args.system:
        _refuse_program(python)
        _refuse_unseen(loaded.settings, args.user)
    settings = loaded.settings
    return Plan(
        python=python,
        path=search_path(python, loaded),
        stop_timeout=settings.daemon.stop_timeout,
        dev=_dev(args),
        config=str(loaded.path) if loaded.path and (args.config or os.environ.get("MUSICSYNCD_CONFIG")) else "",
        socket=os.path.abspath(args.socket) if args.socket else "",  # noqa: PTH100  as the person spelt it
        system=args.system,
        user=args.user or "",
        volumes=_written(settings) if args.system and loaded.path else (),
        readable=_read(settings) if args.system else (),
    )


def _loaded(args: argparse.Namespace) -> Loaded:
    """The settings as the service will find them: without the variables of this shell."""
    from musicsyncd.settings import load

    environ = {name: os.environ[name] for name in ("MUSICSYNCD_CONFIG", "XDG_RUNTIME_DIR") if name in os.environ}
    if args.system:
        name = "musicsyncd-dev" if _dev(args) else "musicsyncd"
        places = {"STATE": f"/var/lib/{name}", "RUNTIME": f"/run/{name}", "CONFIGURATION": "/etc/musicsyncd"}
        environ = {name: environ[name] for name in environ if name != "XDG_RUNTIME_DIR"}
        environ |= {f"{place}_DIRECTORY": path for place, path in places.items()}
    flags = {"daemon.mode": args.mode or os.environ.get("MUSICSYNCD_MODE"), "daemon.socket": args.socket}
    return load(Path(args.config) if args.config else None, environ, flags)


def _dev(args: argparse.Namespace) -> bool:
    return (args.mode or os.environ.get("MUSICSYNCD_MODE", "")).strip().lower() == "dev"


def search_path(python: str, loaded: Loaded) -> str:
    """PATH for the service: our environment's scripts, where this shell finds the programs that we use, the usual."""
    import shutil

    runtime = loaded.settings.ytdlp.js_runtime
    found = [shutil.which(tool) for tool in TOOLS]
    folders = [Path(python).parent, *(Path(one).parent for one in (runtime, *found) if one), *map(Path, USUAL)]
    return ":".join(dict.fromkeys(str(one) for one in folders if ":" not in str(one)))


def _refuse_program(python: str) -> None:
    _refuse_hidden(Path(python), Path(sys.base_prefix), Path(__file__))


def _refuse_hidden(*places: Path) -> None:
    """NeedsPerson for what the system service needs and cannot see."""
    from musicsyncd.ctl.service_unit import hidden

    for place in places:
        if hidden(place):
            raise NeedsPerson(
                f"The system's service cannot see {place}",
                why="Homes are hidden from it",
                fix="Put it elsewhere (the program: python3 -m venv /opt/musicsyncd), or leave --system out",
            )


def _written(settings: Settings) -> tuple[Path, ...]:
    """Folders of the settings that are written."""
    workspace = settings.plans.workspace if settings.plans.write else None
    return (*(one.path for one in settings.volumes), *([workspace] if workspace else []))


def _read(settings: Settings) -> tuple[Path, ...]:
    """Folders of the settings that are read."""
    found = (*(one.path for one in settings.inbox), settings.plans.dir, settings.plans.workspace)
    return (*(one for one in found if one), *settings.folder.allowed)


def _refuse_unseen(settings: Settings, user: str | None) -> None:
    """NeedsPerson for what the settings name below a home, and a folder cannot be let in for."""
    from musicsyncd.ctl.service_unit import hidden

    folders = {*_written(settings), *_read(settings)}
    _refuse_hidden(*(path for path in _paths(settings.model_dump()) if path not in folders))
    if not user and (own := [path for path in _written(settings) if hidden(path)]):
        raise NeedsPerson(
            f"The system's service could not write {own[0]}",
            why="It is below a home, and the service would run as a user of its own",
            fix="Say whose it is: --user NAME",
        )


def _paths(value: Any) -> Iterator[Path]:
    """Every path in there, however deep."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _paths(one)


def _print_left_out() -> None:
    """Variables of this shell that the service will not have, by name only."""
    from musicsyncd.settings.gathered import ALIASES, PREFIX, RESERVED

    ours = sorted(name for name in os.environ if name.startswith(PREFIX) or name in ALIASES)
    if left := [name for name in ours if name not in RESERVED and name != "MUSICSYNCD_MODE"]:
        note = "the service does not have this shell's variables (put them into config.toml or into credentials)"
        print(f"musicsyncctl: {note}: {', '.join(left)}.", file=sys.stderr)
