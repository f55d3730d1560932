"""Spotify through the real daemon: a person's sign-in, its secrets, and a day of rest that a restart does not end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.running import Running, running, write_wave
from tests.fakes.spotify import FakeSpotify, saved, track
from tests.fakes.waiting import wait_for
from tests.fakes.watch import Watch

SECRET = "cAnaRy-s3cret-of-the-app"


@pytest.fixture
def fake() -> Iterator[FakeSpotify]:
    with FakeSpotify() as fake:
        yield fake


def sign_in(daemon: Running) -> dict[str, Any]:
    """As a person does it: the command waits, the browser consents and comes back."""
    command = subprocess.Popen(
        [sys.executable, "-c", "import sys; from musicsyncd.ctl import main; sys.exit(main())",
         "--config", str(daemon.config), "auth", "spotify", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert command.stderr is not None
    address = next(line.strip() for line in command.stderr if line.startswith("http"))
    assert httpx.get(address, follow_redirects=True).status_code == 200
    out, told = command.communicate(timeout=30)
    assert command.returncode == 0, told
    answer: dict[str, Any] = json.loads(out)
    return answer


def said(report: dict[str, Any]) -> str:
    """What the rungs and refusals of a report say."""
    return json.dumps([report["rungs"], report["refused"], report["tracks"], report["reason"]])


def synced(daemon: Running, *flags: str) -> dict[str, Any]:
    """`sync … --wait --json`: the report."""
    done = daemon.ctl("sync", *flags, "--wait", "--json")
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_no_secret_gets_out(tmp_path: Path) -> None:
    """Tokens, the client secret and codes stand in the one file that is for them, and in nothing else that is produced:
    logs at their most talkative, answers, errors, URLs, process list, database and its copies.
    """
    with FakeSpotify(secret=SECRET) as fake, Watch() as watch:
        extra = f'{fake.settings}client_secret = "{SECRET}"\n[log]\nlevel = "debug"'
        said_aloud: list[str] = []
        with running(tmp_path, extra=extra) as daemon:
            said_aloud.append(json.dumps(sign_in(daemon)))
            fake.person.saved = saved(3)
            fake.catalog[f"{1:022d}"] = track(1)
            fake.expire()  # each question is repeated with a new token; the refusal repeats the old one
            for command in (
                ["sync", "--incremental", "--dry-run", "--wait", "--json"],
                ["sync", "--url", f"https://open.spotify.com/track/{1:022d}", "--dry-run", "--json"],
                ["auth", "spotify", "--status", "--json"],
                ["status", "--json"],
                ["doctor", "--json"],
                ["config", "show", "--origin"],
            ):
                done = daemon.ctl(*command)
                said_aloud += [done.stdout, done.stderr]
            fake.always = (401, {}, {"error": {"message": f"{fake.issued[-1]} {SECRET}", "reason": fake.issued[-2]}})
            said_aloud.append(json.dumps(synced(daemon, "--full")))
            fake.always = None
            fake.revoke()
            said_aloud += [
                json.dumps(synced(daemon, "--full")),
                daemon.ctl("logs").stdout,
                daemon.ctl("jobs", "--json").stdout,
            ]
            pasted = daemon.ctl("auth", "spotify", "--paste")
            said_aloud += [pasted.stdout]  # its stderr bears the address for the person's eyes
            assert daemon.stop() == 0
            said_aloud.append(daemon.output())
        secrets = [*fake.issued, SECRET]
        assert len(secrets) > 5
        kept = tmp_path / "state" / "spotify.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        places = [path for path in tmp_path.rglob("*") if path.is_file() and path not in (kept, daemon.config)]
        assert any(path.name == "musicsyncd.log" for path in places)
        texts = {str(path): path.read_bytes() for path in places}
        texts |= {"answers": "\n".join(said_aloud).encode(), "process list": "\n".join(watch.seen).encode()}
        found = {(where, secret) for where, text in texts.items() for secret in secrets if secret.encode() in text}
        assert not found
        urls = [f"{one.path}?{one.query}" for one in fake.asked]
        assert f"/v1/tracks/{1:022d}" in [one.path for one in fake.asked]
        assert not [secret for secret in secrets for url in urls if secret in url]


def test_a_day_of_rest_survives_a_restart_and_stops_nobody_else(fake: FakeSpotify, tmp_path: Path) -> None:
    """Retry-After 86400: the rung is skipped with its time, a track's request waits, files go on; after kill -9 nobody
    is asked before the time.
    """
    song = write_wave(tmp_path / "Ada Voss - Night Ferry.wav")
    with running(tmp_path, extra=fake.settings) as daemon:
        sign_in(daemon)
        fake.always = (429, {"Retry-After": "86400"}, {"error": {"status": 429, "reason": "QUOTA_EXCEEDED"}})
        fake.asked.clear()
        report = synced(daemon, "--incremental")
        assert "Spotify (app " in said(report)
        assert "left alone" in said(report)
        assert len(fake.asked) == 1
        code, report = daemon.sync(song)
        assert code == 0, report
        daemon.kill()
        fake.always = None
        daemon.start()
        fake.asked.clear()
        assert "left alone until" in said(synced(daemon, "--incremental"))
        code, report = daemon.sync(f"https://open.spotify.com/track/{1:022d}")
        assert code == 5, report
        (job,) = [one for one in daemon.client.get("/v1/jobs")["jobs"] if "open.spotify.com" in one["label"]]
        due = time.mktime(time.strptime(job["not_before"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert 86000 < due - time.time() < 86401
        other = write_wave(tmp_path / "Tomo Rell - Glass Harbour.wav", pitch=330)
        assert daemon.sync(other)[0] == 0
        assert fake.asked == []


def test_signed_out_is_said_once_and_mended(fake: FakeSpotify, tmp_path: Path) -> None:
    """A state with the command that mends it, in status, doctor and the log; a pasted address mends it."""
    with running(tmp_path, extra=fake.settings) as daemon:
        assert daemon.ctl("auth", "spotify", "--status").returncode == 7
        answer = sign_in(daemon)
        assert (answer["state"], answer["account"], answer["days_left"]) == ("signed in", "ada", 179)
        assert "signed in as ada" in daemon.ctl("status").stdout
        assert daemon.client.get("/v1/status")["attention"] == []
        fake.expire()
        fake.revoke()
        for _ in range(3):
            assert "musicsyncctl auth spotify" in said(synced(daemon, "--incremental"))
        assert sum(one.form.get("grant_type") == "refresh_token" for one in fake.asked) == 1
        assert daemon.log.read_text().count("signed out by the service") == 1
        (sentence,) = daemon.client.get("/v1/status")["attention"]
        assert sentence.startswith("Nobody is signed in at Spotify.")
        assert sentence.endswith("Run: musicsyncctl auth spotify.")
        doctor = daemon.ctl("doctor")
        assert (doctor.returncode, "account spotify" in doctor.stdout) == (7, True)
        paste(daemon)
        assert daemon.ctl("auth", "spotify", "--status").returncode == 0
        out = daemon.ctl("auth", "spotify", "--sign-out", "--json")
        assert (out.returncode, json.loads(out.stdout)["state"]) == (0, "signed out")


def paste(daemon: Running) -> None:
    """`auth spotify --paste`, as a person does it with a browser elsewhere."""
    command = subprocess.Popen(
        [sys.executable, "-c", "import sys; from musicsyncd.ctl import main; sys.exit(main())",
         "--config", str(daemon.config), "auth", "spotify", "--paste"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert command.stderr is not None
    address = next(line.strip() for line in command.stderr if line.startswith("http"))
    out, told = command.communicate(httpx.get(address).headers["location"] + "\n", timeout=30)
    assert (command.returncode, "signed in as ada" in out) == (0, True), told


def searched(daemon: Running) -> dict[str, Any] | None:
    """Where the audio of the one track was looked for, once it was."""
    for one in daemon.client.get("/v1/tracks")["tracks"]:
        found: dict[str, Any] = daemon.client.get(f"/v1/tracks/{one['id']}/match")
        return found if found["searched_at"] else None
    return None


def test_a_spotify_address_never_reaches_a_downloader(fake: FakeSpotify, tmp_path: Path) -> None:
    """Not by naming the downloader as the source, and not without an app; of a track that is known other sources are
    asked for its audio, by its words.
    """
    url = f"https://open.spotify.com/track/{1:022d}"
    fake.catalog[f"{1:022d}"] = track(1)
    with running(tmp_path) as daemon:
        code, report = daemon.sync(url)
        assert (code, "spotify.client_id" in said(report)) == (7, True)
        code, report = daemon.sync(url, flags=("--source", "url"))
        assert (code, "belongs to spotify" in said(report)) == (1, True)
        daemon.stop()
        daemon.extra = fake.settings
        daemon.write_config()
        daemon.start()
        sign_in(daemon)
        assert daemon.ctl("sync", "--url", url).returncode == 0
        found = wait_for(lambda: searched(daemon))
        assert found["label"] == "Ada Voss - Song 1"
        assert "soundcloud" in " ".join(found["troubles"]).lower()
        assert daemon.files() == []
