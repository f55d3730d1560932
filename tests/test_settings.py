"""Settings: where they come from, what overrules what, and how each mistake is told."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from musicsyncd.errors import ConfigInvalid
from musicsyncd.section import format_duration, format_size, parse_duration, parse_size
from musicsyncd.settings import Loaded, default_socket, known_keys, load, shown
from musicsyncd.settings.file import locate
from musicsyncd.settings.gathered import variables

CANARY = "cAnaRy-7f3a9"
EXAMPLE = Path(__file__).parent.parent / "config.toml.example"

Load = Callable[..., Loaded]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder without any settings, and no variable of the machine's own; short, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="ms-") as folder:
        yield _at_home(Path(folder), monkeypatch)


def _at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_MUSIC_DIR", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a text as config.toml."""

    def load_it(text: str, environ: dict[str, str] | None = None, **overrides: Any) -> Loaded:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        flags = {key.replace("__", "."): value for key, value in overrides.items()}
        return load(path, environ or {}, flags)

    return load_it


def complaints(load_text: Load, text: str, **more: Any) -> list[str]:
    """The sentences that a wrong text gets."""
    with pytest.raises(ConfigInvalid) as caught:
        load_text(text, **more)
    assert caught.value.exit_code == 9
    return str(caught.value).splitlines()


def test_without_a_file_the_embedded_defaults_hold(home: Path) -> None:
    """Nothing configured is a whole configuration, every value of which says that it is a default."""
    loaded = load(None, {})
    settings = loaded.settings
    assert loaded.path is None
    assert settings.volumes[0].name == "library"
    assert settings.volumes[0].path == home / "Music" / "musicsyncd"
    assert settings.volumes[0].formats == ("alac", "wav", "aiff")
    assert settings.log.file == settings.daemon.state_dir / "musicsyncd.log"
    assert set(loaded.origin.values()) == {"default"}
    assert {re.sub(r"\[\d+\]", "", key) for key in loaded.origin} == set(known_keys()) - {"inbox.path"}
    assert (loaded.warnings, loaded.notes) == ([], [])


def test_dev_mode_has_places_of_its_own() -> None:
    """The dev daemon shares no state folder, socket, log or library with the usual one."""
    prod, dev = (load(None, {}, {"daemon.mode": mode}).settings for mode in ("prod", "dev"))
    assert prod.daemon.state_dir != dev.daemon.state_dir
    assert prod.daemon.socket != dev.daemon.socket
    assert dev.volumes[0].path == dev.daemon.state_dir / "library"
    assert dev.log.file == dev.daemon.state_dir / "musicsyncd.log"


def test_flag_overrules_variable_overrules_file_overrules_default(load_text: Load) -> None:
    """Each layer in turn, and the origin names the one that won."""
    text, variable = '[log]\nlevel = "error"\n', {"MUSICSYNCD_LOG__LEVEL": "debug"}
    assert (found := load_text("")).settings.log.level == "info"
    assert found.origin["log.level"] == "default"
    assert (found := load_text(text)).settings.log.level == "error"
    assert (found.origin["log.level"], found.origin["log.keep"]) == ("config.toml:2", "default")
    assert (found := load_text(text, variable)).settings.log.level == "debug"
    assert found.origin["log.level"] == "environment MUSICSYNCD_LOG__LEVEL"
    assert (found := load_text(text, variable, log__level="warning")).settings.log.level == "warning"
    assert found.origin["log.level"] == "flag --level"


def test_aliases_stay_valid(load_text: Load) -> None:
    """LOG_LEVEL, as older set-ups spell it, overrules the file; its key's own variable overrules it, and says so."""
    found = load_text('[log]\nlevel = "error"', {"LOG_LEVEL": "WARN"})
    assert (found.settings.log.level, found.origin["log.level"]) == (
        "warning",
        "environment LOG_LEVEL (alias)",
    )
    found = load_text("", {"LOG_LEVEL": "INFO", "MUSICSYNCD_LOG__LEVEL": "debug"})
    assert found.settings.log.level == "debug"
    assert "LOG_LEVEL has no effect" in found.warnings[0]


def test_variables_without_use_are_noted_without_their_values(load_text: Load) -> None:
    """The older set-ups' tokens are recognised, never an error, and never shown."""
    found = load_text("", {"NOTION_TOKEN": CANARY, "GAS_WEBHOOK_URL": CANARY})
    assert [note.split()[0] for note in found.notes] == ["GAS_WEBHOOK_URL"]
    assert CANARY not in repr(found)


def test_reserved_variables_are_no_keys(tmp_path: Path) -> None:
    """CONFIG names the file, MODE and SOCKET set two keys, CRASH_AT is left alone; others get a warning."""
    path = tmp_path / "other.toml"
    path.write_text("[daemon]\nuser_slots = 2\nmode = 'prod'\n")
    environ = {"MUSICSYNCD_CONFIG": str(path), "MUSICSYNCD_MODE": "DEV", "MUSICSYNCD_SOCKET": "/run/x.sock"}
    found = load(None, environ | {"MUSICSYNCD_CRASH_AT": "job-done", "MUSICSYNCD_COLOUR": "red"})
    daemon = found.settings.daemon
    assert (daemon.user_slots, daemon.mode, daemon.socket) == (2, "dev", Path("/run/x.sock"))
    assert found.origin["daemon.socket"] == "environment MUSICSYNCD_SOCKET"
    assert len(found.warnings) == 1
    assert "MUSICSYNCD_COLOUR" in found.warnings[0]


def test_every_variable_sets_its_key(tmp_path: Path) -> None:
    """The text that `config show` prints for a key is understood as that key's variable."""
    settings = load(None, {}, {"daemon.state_dir": str(tmp_path)}).settings
    values, lists = shown(settings), {"volumes", "inbox"}
    environ = {
        variable: value if isinstance(value := values[key], str) else json.dumps(value)
        for variable, key in variables().items()
        if key not in lists
    }
    found = load(None, environ)
    assert found.settings == settings
    assert {found.origin[key] for key in variables().values() if key not in lists} == {
        f"environment {variable}" for variable in environ
    }


@pytest.mark.parametrize("text", ['[{"name": "A", "path": "/a"}]', '[{name = "A", path = "/a"}]'])
def test_lists_come_from_variables_too(text: str) -> None:
    """A list of tables is taken as JSON or TOML, a plain list also as words between commas."""
    environ = {
        "MUSICSYNCD_VOLUMES": text,
        "MUSICSYNCD_OUTPUT__FORMATS": "flac, mp3",
        "MUSICSYNCD_OUTPUT__DEPTH": "24",
    }
    settings = load(None, environ).settings
    assert (settings.volumes[0].name, settings.volumes[0].path) == ("A", Path("/a"))
    assert settings.volumes[0].formats == settings.output.formats == ("flac", "mp3")
    assert settings.output.depth == 24


def test_what_follows_another_key_says_so(load_text: Load) -> None:
    """[ytdlp] follows [http] and a volume [output], unless they say something themselves, be it nothing."""
    text = '[http]\nproxy = "http://h:1"\n[output]\nformats = ["mp3"]\n[[volumes]]\nname = "A"\npath = "/a"\n'
    found = load_text(text)
    assert found.settings.ytdlp.proxy.get_secret_value() == "http://h:1"
    assert found.origin["ytdlp.proxy"] == "http.proxy (config.toml:2)"
    assert found.settings.volumes[0].formats == ("mp3",)
    assert found.origin["volumes[0].formats"] == "output.formats (config.toml:4)"
    found = load_text(text + '[ytdlp]\nproxy = ""\n')
    assert found.settings.ytdlp.proxy.get_secret_value() == ""
    assert found.origin["ytdlp.proxy"] == "config.toml:9"


def test_paths_are_absolute(load_text: Load, home: Path, tmp_path: Path) -> None:
    """`~` is the home; a relative path in the file begins at the file, in a variable at the working folder."""
    text = '[[volumes]]\nname = "A"\npath = "~/a"\n[[volumes]]\nname = "B"\npath = "b/../c"\n[log]\nfile = ""\n'
    settings = load_text(text, {"MUSICSYNCD_DAEMON__STATE_DIR": "state"}).settings
    assert [volume.path for volume in settings.volumes] == [home / "a", tmp_path / "c"]
    assert settings.daemon.state_dir == home / "state"
    assert settings.log.file is None


def test_the_socket_follows_the_rule_that_the_client_knows(tmp_path: Path) -> None:
    """Runtime folder where it is there and writable, else systemd's, else the state folder."""
    state, runtime = tmp_path / "state", tmp_path / "run"
    environ = {"XDG_RUNTIME_DIR": str(runtime), "RUNTIME_DIRECTORY": "/run/m:/run/n"}
    assert default_socket(environ, "prod", state) == Path("/run/m/control.sock")
    assert default_socket({"XDG_RUNTIME_DIR": "run"}, "dev", state) == state / "control.sock"
    runtime.mkdir()
    assert default_socket(environ, "prod", state) == runtime / "musicsyncd" / "control.sock"
    assert default_socket(environ, "dev", state) == runtime / "musicsyncd-dev" / "control.sock"


def test_systemd_names_the_state_folder() -> None:
    """The first folder of $STATE_DIRECTORY is the state folder when nobody names another."""
    assert load(None, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}).settings.daemon.state_dir == Path("/var/lib/a")


WRONG = [
    ('[log]\nlevel = "loud"', 2, ["log.level", '"loud"', "debug, info, warning, error, critical"]),
    ("[log]\nlevle = 1", 2, ["log.levle", "did you mean log.level?"]),
    ("[lgo]\nlevel = 'info'", 1, ["lgo is no section", "did you mean log?"]),
    ("level = 'info'", 1, ["level is no key", "did you mean log.level?"]),
    ("log.level = 'x'", 1, ["log.level", '"x"']),
    ('["log"]\n"level" = 7', 2, ["log.level = 7"]),
    ("[log]\nkeep = '5'", 2, ["log.keep", '"5"', "whole number"]),
    ("[log]\nkeep = 0", 2, ["log.keep = 0", "at least 1"]),
    ("[log]\nmax_size = '10 potatoes'", 2, ["log.max_size", '"10 potatoes"', '"500 MB"']),
    ("[daemon]\njob_timeout = true", 2, ["daemon.job_timeout = true", "length of time"]),
    ("[daemon]\njob_timeout = nan", 2, ["daemon.job_timeout = nan", "length of time"]),
    ("[daemon]\nhistory = '4000 d'", 2, ["daemon.history", "at most ten years"]),
    ("[daemon]\nstop_timeout = -1", 2, ["daemon.stop_timeout = -1", "length of time"]),
    ("[daemon]\ntimezone = 'Europe/Berln'", 2, ["daemon.timezone", "IANA", "Europe/Berlin"]),
    ("[daemon]\nmode = 'test'", 2, ["daemon.mode", '"test"', "prod, dev"]),
    ("[daemon]\nstate_dir = ''", 2, ["daemon.state_dir", "path"]),
    (f"[daemon]\nsocket = '/{'x' * 120}'", 2, ["daemon.socket", "121 bytes", "shorter"]),
    ("[http]\ntrust_env = 'yes'", 2, ["http.trust_env", '"yes"', "true or false"]),
    (
        "[output]\nformats = [\n 'wav',\n 'mp4']",
        2,
        ["output.formats[1]", '"mp4"', "alac, aac, wav, aiff, flac, mp3"],
    ),
    ("[output]\nformats = []", 2, ["output.formats", "at least one"]),
    ("[output]\nformats = ['wav', 'wav']", 2, ["output.formats", "once"]),
    ("[output]\ndepth = 20", 2, ["output.depth = 20", "source, 16, 24"]),
    ("[output]\nsample_rate = 44", 2, ["output.sample_rate = 44", "between 8000 and 384000"]),
    ("[analysis]\ntempo_low = 100", 1, ["analysis.tempo_high", "twice"]),
    ("[volumes]\nname = 'A'", 1, ["volumes", "[[volumes]]"]),
    ("[[log]]\nlevel = 'info'", 1, ["log must be a table", "[log]"]),
    ("log = 3", 1, ["log must be a table"]),
    ("[[volumes]]\nname='A'\npath='/a'\n[[volumes]]\nname='B'", 4, ["volumes[1].path is missing"]),
    ("[[volumes]]\nname = 'a/b'\npath = '/a'", 2, ["volumes[0].name", '"a/b"']),
    (
        "[[volumes]]\nname = 'A'\npath = '/a'\nlayout = '{artst}'",
        4,
        ["volumes[0].layout", "{artst}", "album_artist"],
    ),
    (
        "[[volumes]]\nname='A'\npath='/a'\n\n[[volumes]]\nname='a'\npath='/b'",
        6,
        ["volumes[1].name", "another volume"],
    ),
    (
        "[[volumes]]\nname='A'\npath='/a'\n[[volumes]]\nname='B'\npath='/a/'",
        6,
        ["volumes[1].path", "volume A"],
    ),
    ("[[volumes]]\nname='eagle'\npath='/a'", 2, ["volumes[0].name", "Eagle's library"]),
    ("[[volumes]]\nname='A'\npath='/a/b'\n[[inbox]]\npath='/a'", 5, ["inbox[0].path", "volume A"]),
]


@pytest.mark.parametrize(("text", "line", "essentials"), WRONG, ids=[repr(text) for text, _, _ in WRONG])
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    load_text: Load, tmp_path: Path, text: str, line: int, essentials: list[str]
) -> None:
    """One sentence that names the key, the line, the value and the choices."""
    sentence, *rest = complaints(load_text, text)
    assert not rest
    assert sentence.startswith(f"{tmp_path}/config.toml:{line}: ")
    assert all(essential in sentence for essential in essentials), sentence
    assert sentence.endswith((".", "?"))


@pytest.mark.parametrize(
    ("text", "line", "essential"),
    [
        ("[log]\nlevel = ", 2, "not valid TOML: Invalid value"),
        ("[log]\n\n[log]", 3, "Cannot declare"),
        ("[log]\nlevel = 'a'\nlevel = 'b'", 3, "Cannot overwrite"),
        ("[log]\nlevel = '''", 2, "not valid TOML"),
    ],
)
def test_broken_syntax_is_told_with_its_line(
    load_text: Load, tmp_path: Path, text: str, line: int, essential: str
) -> None:
    """What is no TOML at all still says where it stops being it."""
    (sentence,) = complaints(load_text, text)
    assert sentence.startswith(f"{tmp_path}/config.toml:{line}: ")
    assert essential in sentence


def test_all_mistakes_are_told_at_once(load_text: Load) -> None:
    """Nobody has to run it again for each: file, variables and flags in one answer."""
    found = complaints(
        load_text,
        '[log]\nlevel = "x"\nfoo = 1\n[http]\ntimeout = "0 s"\n',
        environ={"MUSICSYNCD_LOG__LEVLE": "info", "MUSICSYNCD_CAPACITY__DOWNLOADS": "many"},
        daemon__mode="test",
    )
    assert len(found) == 6
    assert found[0].startswith("environment MUSICSYNCD_LOG__LEVLE: ")
    assert "MUSICSYNCD_LOG__LEVEL?" in found[0]
    assert [re.findall(r"toml:(\d+)", sentence) for sentence in found[1:4]] == [["2"], ["3"], ["5"]]
    assert {sentence.split(":")[0] for sentence in found[4:]} == {
        "environment MUSICSYNCD_CAPACITY__DOWNLOADS",
        "flag --mode",
    }


def test_a_fault_that_others_inherit_is_told_once(load_text: Load) -> None:
    """A wrong [http] proxy is not also a wrong [ytdlp] proxy."""
    assert len(complaints(load_text, "[http]\nproxy = 'nonsense'\n[output]\nformats = ['x']")) == 2


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8, far too large: each is a sentence with the path."""
    latin, large = tmp_path / "latin.toml", tmp_path / "large.toml"
    latin.write_bytes(b"[log]\n# caf\xe9\n")
    large.write_bytes(b"#" * (2 * 1024 * 1024))
    for path, essential in (
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "directory"),
        (latin, ":2: "),
        (large, "larger"),
    ):
        with pytest.raises(ConfigInvalid, match=re.escape(str(path))) as caught:
            load(path, {})
        assert essential in str(caught.value)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Some editors begin a file with one."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[log]\r\nlevel = 'error'\r\n")
    found = load(path, {})
    assert (found.settings.log.level, found.origin["log.level"]) == ("error", "config.toml:2")


def test_a_secret_is_shown_nowhere(load_text: Load) -> None:
    """No repr, origin, dump or shown value holds it; `secrets` gives it and its parts."""
    loaded = load_text(f'[http]\nproxy = "http://user:{CANARY}%21@h:1"')
    for text in (
        repr(loaded),
        str(loaded.settings),
        repr(shown(loaded.settings)),
        loaded.settings.model_dump_json(),
    ):
        assert CANARY not in text
    assert shown(loaded.settings)["http.proxy"] == "(hidden)"
    assert {f"{CANARY}!", f"{CANARY}%21", f"user:{CANARY}%21"} < loaded.settings.secrets()


def test_secrets_in_a_list_are_shown_nowhere(load_text: Load, tmp_path: Path) -> None:
    """Alerts' addresses let in whoever has them: hidden one by one, masked in logs; a shared file is warned of."""
    text = (
        f'[alerts]\nchannels = ["log", "webhook", "apprise"]\nwebhook_url = "https://hooks.example.org/{CANARY}"\n'
        f'apprise_urls = [" slack://{CANARY}/a ", "mailto://user:{CANARY}@example.org"]'
    )
    loaded = load_text(text)
    written = (repr(loaded), repr(shown(loaded.settings)), loaded.settings.model_dump_json())
    assert all(CANARY not in one for one in written)
    values = shown(loaded.settings)
    assert (values["alerts.webhook_url"], values["alerts.apprise_urls"]) == ("(hidden)", ["(hidden)", "(hidden)"])
    assert {f"https://hooks.example.org/{CANARY}", f"slack://{CANARY}/a", CANARY} < loaded.settings.secrets()
    (tmp_path / "config.toml").chmod(0o644)
    warnings = load(tmp_path / "config.toml", {}).warnings
    assert [warning for warning in warnings if "alerts.apprise_urls may hold" in warning]
    assert [warning for warning in warnings if "alerts.webhook_url may hold" in warning]
    variable = load(None, {"MUSICSYNCD_ALERTS__APPRISE_URLS": f'["dbus://", "json://h/{CANARY}"]'}).settings
    assert len(variable.alerts.apprise_urls) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('channels = ["webhook"]', "alerts.webhook_url is missing"),
        ('channels = ["apprise"]', "alerts.apprise_urls is missing"),
        ('channels = ["pigeon"]', "must be one of log, webhook"),
        ('webhook_url = "http://example.org/x"', "https://"),
        ('webhook_url = "https://"', "https://"),
        ('apprise_urls = ["no address"]', "as Apprise has it"),
        ("every = 1", "at least 60"),
        ('min_severity = "bad"', "must be one of info"),
    ],
)
def test_channels_that_lead_nowhere(load_text: Load, text: str, words: str) -> None:
    """Said before anything is to be told."""
    (told,) = complaints(load_text, f"[alerts]\n{text}")
    assert words in told


def test_a_channel_that_is_not_switched_on_is_warned_of(load_text: Load) -> None:
    """An address alone tells nobody."""
    (warning,) = load_text('[alerts]\nwebhook_url = "https://example.org/x"').warnings
    assert "does not name webhook" in warning


def test_asking_others_needs_a_contact(load_text: Load) -> None:
    """MusicBrainz demands it; the key is a secret; an address has no slash at its end."""
    (told,) = complaints(load_text, "[enrichment]\nenabled = true")
    assert "enrichment.contact" in told
    text = f'[enrichment]\nenabled = true\ncontact = " a@example.org "\nacoustid_key = " {CANARY} "\n'
    settings = load_text(text + 'musicbrainz_url = "http://mirror:5000/ws/2/"').settings
    assert (settings.enrichment.contact, settings.enrichment.musicbrainz_url) == (
        "a@example.org",
        "http://mirror:5000/ws/2",
    )
    assert CANARY in settings.secrets()
    assert shown(settings)["enrichment.acoustid_key"] == "(hidden)"
    assert settings.enrichment.gaps == {"album", "date", "isrc", "label", "catalog_number", "artwork"}
    assert load_text('[enrichment]\nfields = ["isrc"]').settings.enrichment.gaps == {"isrc"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("contact", "a\\nb: c", "e-mail address or a URL"),
        ("contact", "bjørk@example.org", "e-mail address or a URL"),
        ("acoustid_url", "ftp://h", "URL such as"),
        ("acoustid_url", "https://", "URL such as"),
        ("acoustid_url", "https://h/?a=b", "without a user, a query"),
        ("coverart_url", "https://[::1", "URL such as"),
    ],
)
def test_what_can_be_no_address(load_text: Load, key: str, value: str, words: str) -> None:
    """Neither a header's second line nor half a URL."""
    (told,) = complaints(load_text, f'[enrichment]\n{key} = "{value}"')
    assert words in told


@pytest.mark.parametrize(
    "text",
    [
        f'[http]\nproxy = "htp://u:{CANARY}@h"',
        f'[http]\nproxy = ["{CANARY}"]',
        f'[http]\nproxi = "{CANARY}"',
        f'[http]\ntoken = "{CANARY}"',
        f'http = "{CANARY}"',
        f'[http]\nca_file = "http://u:{CANARY}@h\\u0000"',
        f'[ytdlp]\nproxy = "http://u:{CANARY}@h:99999"',
        f'[enrichment]\nacoustid_key = ["{CANARY}"]',
        f'[enrichment]\nacoustid_url = "https://u:{CANARY}@h"',
        f'[alerts]\nwebhook_url = "http://h/{CANARY}"',
        f'[alerts]\napprise_urls = "slack://{CANARY}"',
        f'[alerts]\napprise_urls = ["slack:{CANARY}"]',
    ],
)
def test_a_wrong_secret_is_not_shown_either(load_text: Load, text: str) -> None:
    """Not in the sentence, and not in what a traceback would print of its causes."""
    with pytest.raises(ConfigInvalid) as caught:
        load_text(text)
    error: BaseException | None = caught.value
    while error:
        assert CANARY not in f"{error} {error!r} {vars(error)}"
        assert not isinstance(error, ValidationError), "it would carry the values"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_password_that_others_can_read_is_warned_of(load_text: Load, tmp_path: Path) -> None:
    """A shared file with a password gets a warning with the command that mends it; a variable does not."""
    text = f'[http]\nproxy = "http://u:{CANARY}@h:1"'
    assert not load_text(text).warnings
    (tmp_path / "config.toml").chmod(0o644)
    (warning,) = load(tmp_path / "config.toml", {}).warnings
    assert "chmod 600" in warning
    assert CANARY not in warning
    assert not load(None, {"MUSICSYNCD_HTTP__PROXY": f"http://u:{CANARY}@h:1"}).warnings


def test_what_is_probably_not_meant_is_warned_of(load_text: Load) -> None:
    """Unchecked certificates and a missing file of authorities are allowed, and said once."""
    found = load_text("[http]\nca_file = '/nowhere.pem'\n[ytdlp]\ninsecure_tls = true")
    assert ["ca_file" in found.warnings[0], "insecure_tls" in found.warnings[1]] == [True, True]
    assert len(found.warnings) == 2


def test_the_example_changes_nothing(home: Path) -> None:
    """As it stands the reference parses, and equals having no file."""
    assert load(EXAMPLE, {}).settings == load(None, {}).settings


def test_the_example_is_whole_and_in_step() -> None:
    """With every line switched on it names every key there is, and each value is the default."""
    text = re.sub(r"(?m)^#(?=\[\[|[a-z_]+ = )", "", EXAMPLE.read_text(encoding="utf-8"))
    keys = {re.sub(r"\[\d+\]", "", dotted_key) for dotted_key in flat(tomllib.loads(text))}
    assert keys == set(known_keys())
    path = Path("everything.toml")
    path.write_text(text, encoding="utf-8")
    switched_on, defaults = load(path, {}).settings, load(None, {}).settings
    assert switched_on.model_copy(update={"inbox": ()}) == defaults


def test_the_example_gives_each_key_a_reason() -> None:
    """Each key has prose right above it, or shares it with the key above."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#[a-z_]+ = ", line) and "tempo_high" not in line and "[[inbox]]" not in above:
            assert above.startswith("# "), line


def flat(tree: Any, at: str = "") -> list[str]:
    """The dotted keys of parsed TOML, lists of tables by index."""
    if isinstance(tree, dict) and tree:
        return [key for name, item in tree.items() for key in flat(item, f"{at}.{name}".lstrip("."))]
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return [key for index, item in enumerate(tree) for key in flat(item, f"{at}[{index}]")]
    return [at]


def test_lines_are_found_in_every_way_of_writing() -> None:
    """Dotted and quoted keys, headers of both kinds, values over lines, brackets and hashes within texts."""
    lines = locate(
        "a = [ # ]\n  1,\n  2 ]\n"
        'b.c = """\n[not]\nd = 1"""\n'
        "# [x]\n"
        '["t.u"]\n"v w" = "# = ]"\n'
        "[[l]]\nm = 1\n[[l]]\nm = { n = 2 }\n[l.o]\np = 3\n"
    )
    wanted = {
        ("a",): 1,
        ("b", "c"): 4,
        ("t.u", "v w"): 9,
        ("l", 0, "m"): 11,
        ("l", 1): 12,
        ("l", 1, "m", "n"): 13,
    }
    assert {key: lines[key] for key in wanted} == wanted
    assert lines[("l", 1, "o", "p")] == 15


CHARACTERS = st.characters(codec="utf-8")
TOML_SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(CHARACTERS, max_size=40),
    st.lists(st.one_of(st.integers(), st.text(CHARACTERS, max_size=8)), max_size=3),
)


def toml(value: Any) -> str:
    """A scalar or a list as TOML."""
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f") if value.isascii() else quoted(value)
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else str(value).lower()


def quoted(text: str) -> str:
    """Any text as a TOML string."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(sorted(known_keys())), value=TOML_SCALARS)
def test_any_value_is_taken_or_refused_with_a_sentence(load_text: Load, key: str, value: Any) -> None:
    """No value of any key ends in another error than ConfigInvalid, and none is refused without its line."""
    section, name = key.split(".")
    table = f"[[{section}]]" if section in ("volumes", "inbox") else f"[{section}]"
    rest = {"volumes": {"name": '"A"', "path": '"/a"'}}.get(section, {}) | {name: toml(value)}
    text = table + "\n" + "".join(f"{each} = {written}\n" for each, written in rest.items())
    for sentence in refusal(lambda: load_text(text)):
        assert re.match(r"/.*/config\.toml:\d+: |default: ", sentence), sentence


@pytest.mark.parametrize(
    "text",
    [
        "volumes = [1, []]",
        "volumes = {}",
        "[log.level]\nx = 1",
        "[[volumes.x]]\na = 1",
        "[[volumes]]\n[volumes.path]\nb = 1",
        '"" = 1',
        '["a\\nb"]\nc = 1',
        "[log]\nfile = 1979-05-27",
        f"x = {'[' * 3000}{']' * 3000}",
        f"x = {'9' * 5000}",
        f"[capacity]\ndownloads = {'9' * 300}",
        "[daemon]\ntimezone = '../../etc/passwd'",
        "[daemon]\nstate_dir = '~nobody-of-that-name/x'",
    ],
)
def test_tables_and_values_in_the_wrong_places_are_told(load_text: Load, text: str) -> None:
    """Whatever stands where something else belongs: short sentences, one line each, with the file's name."""
    for sentence in complaints(load_text, text):
        assert "config.toml" in sentence
        assert len(sentence) < 400


TOML_PIECES = st.sampled_from([*"[]{}=\n.,#'\"\\1a", "log", "level", "[[volumes]]", "path", " = ", "'''"])


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TOML_PIECES, max_size=30))
def test_any_text_is_taken_or_refused_with_a_sentence(load_text: Load, pieces: list[str]) -> None:
    """No file, however broken, ends in another error than ConfigInvalid."""
    for sentence in refusal(lambda: load_text("".join(pieces))):
        assert "config.toml" in sentence


@hypothesis_settings(max_examples=200, deadline=None)
@given(variable=st.sampled_from(sorted(variables())), text=st.text(max_size=40))
def test_any_variable_is_taken_or_refused_with_a_sentence(variable: str, text: str) -> None:
    """The same for variables, whose texts may hold anything."""
    for sentence in refusal(lambda: load(None, {variable: text})):
        assert sentence.startswith((f"environment {variable}: ", "default: daemon.socket = ")), sentence


def refusal(attempt: Callable[[], Loaded]) -> list[str]:
    """The sentences of a refusal, none when it is none; any other error comes through."""
    try:
        attempt()
    except ConfigInvalid as error:
        return str(error).split("\n")
    return []


@given(st.floats(0, 10 * 365 * 86400.0).map(lambda seconds: round(seconds, 3)))
def test_durations_are_read_back_as_written(seconds: float) -> None:
    """What is shown for a duration means that duration."""
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-12)


@given(st.one_of(st.integers(0, 2**52), st.integers(0, 2000).map(lambda count: count * 1000**2)))
def test_sizes_are_read_back_as_written(size: int) -> None:
    """What is shown for a size means that size."""
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("1.5h", 5400), ("2 days", 172800), ("250 ms", 0.25), ("10 Minutes", 600), (0, 0)],
)
def test_durations_are_understood_as_people_write_them(text: object, value: float) -> None:
    """Units in full, in short, with and without a space."""
    assert parse_duration(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("500MB", 500_000_000), ("2 GiB", 2**31), ("1.5 kb", 1500), (0, 0), ("12", 12)]
)
def test_sizes_are_understood_as_people_write_them(text: object, value: int) -> None:
    """Powers of 1000 and of 1024, in any case."""
    assert parse_size(text) == value


@pytest.mark.parametrize(
    "written",
    ["37i9dQZF1DX0XUsuxWHRQd", "spotify:playlist:37i9dQZF1DX0XUsuxWHRQd",
     "https://open.spotify.com/playlist/37i9dQZF1DX0XUsuxWHRQd?si=1"],
)  # fmt: skip
def test_a_playlist_is_named_in_any_way(load_text: Load, written: str) -> None:
    """By its id, its URI or its URL."""
    found = load_text(f'[spotify]\nplaylists = ["{written}"]').settings.spotify.playlists
    assert found == ("37i9dQZF1DX0XUsuxWHRQd",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('playlists = ["https://open.spotify.com/track/37i9dQZF1DX0XUsuxWHRQd"]', "must be a playlist"),
        ('api_base_url = "http://api.example.org/v1"', "https://"),
        ('accounts_base_url = "https://u:p@example.org"', "without a user"),
        ("redirect_port = 70000", "redirect_port"),
        ('client_id = "a b"', "client_id"),
    ],
)
def test_what_spotify_cannot_be_asked_with_is_told(load_text: Load, text: str, told: str) -> None:
    """Tokens go to no address that others on the way can read."""
    with pytest.raises(ConfigInvalid, match=told):
        load_text(f"[spotify]\n{text}")


def credentials(folder: Path, **files: str) -> dict[str, str]:
    """An environment with these files as systemd hands them over."""
    (folder / "credentials").mkdir()
    for name, text in files.items():
        (folder / "credentials" / name.replace("__", ".")).write_text(text)
    return {"CREDENTIALS_DIRECTORY": str(folder / "credentials")}


def test_a_credential_is_named_after_its_key_or_its_variable(load_text: Load, tmp_path: Path) -> None:
    """It overrules the file, a variable overrules it, and its last line break does not count."""
    files = {"spotify__client_secret": f"{CANARY}\n", "SPOTIFY_CLIENT_ID": "0f1e2d3c", "LOG_LEVEL": "debug"}
    environ = credentials(tmp_path, **files)
    loaded = load_text('[spotify]\nclient_secret = "file"\n', environ | {"LOG_LEVEL": "error"})
    assert loaded.settings.spotify.client_secret.get_secret_value() == CANARY
    assert loaded.origin["spotify.client_secret"] == "credential spotify.client_secret"
    assert loaded.settings.spotify.client_id == "0f1e2d3c"
    assert loaded.settings.log.level == "error"
    assert CANARY in loaded.settings.secrets()
    assert CANARY not in repr(loaded)


def test_a_credential_of_another_program_is_told_and_let_be(load_text: Load, tmp_path: Path) -> None:
    """A warning with its name, not what it holds; one that is no text is an error that says so."""
    environ = credentials(tmp_path, other=CANARY)
    (warning,) = load_text("", environ).warnings
    assert "credential other" in warning
    assert CANARY not in warning
    (tmp_path / "credentials" / "log.level").write_bytes(b"\xff\xfe")
    assert complaints(load_text, "", environ=environ) == [
        "The credential log.level cannot be used: it is not UTF-8 text."
    ]


def test_a_wrong_credential_is_named_as_the_place(load_text: Load, tmp_path: Path) -> None:
    """So that a person finds the file."""
    (sentence,) = complaints(load_text, "", environ=credentials(tmp_path, log__level="loud"))
    assert "credential log.level" in sentence


def test_a_services_settings_lie_where_its_manager_says(home: Path) -> None:
    """`ConfigurationDirectory=`: the file there, or none; the platform's own does not count then."""
    (home / ".config/musicsyncd").mkdir(parents=True)
    (home / ".config/musicsyncd/config.toml").write_text('[log]\nlevel = "debug"\n')
    (home / "etc").mkdir()
    environ = {"CONFIGURATION_DIRECTORY": str(home / "etc")}
    assert load(None, environ).path is None
    (home / "etc/config.toml").write_text('[log]\nlevel = "error"\n')
    assert load(None, environ).settings.log.level == "error"
