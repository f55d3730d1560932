"""Alerts of a real daemon: what is wrong is told, by whom it can be, and no address of a channel is seen anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hook import Hook
from tests.fakes.running import Running, running
from tests.fakes.waiting import wait_for

CANARY = "cAnaRy-9d2c"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


def settings(hook: Hook) -> str:
    apprise = json.dumps([f"json://127.0.0.1:{hook.port}/{CANARY}/apprise"])
    return (
        f'[alerts]\nchannels = ["log", "webhook", "apprise"]\nwebhook_url = "{hook.url(f"/{CANARY}/webhook")}"\n'
        f"apprise_urls = {apprise}\nvolume_grace = 0\n"
    )


def alerts(daemon: Running) -> dict[str, dict[str, Any]]:
    """By key."""
    return {one["key"]: one for one in daemon.client.get("/v1/alerts")["alerts"]}


def told(hook: Hook, way: str) -> list[Any]:
    return [post.json for post in hook.posts if post.path == f"/{CANARY}/{way}"]


def assert_no_canary(daemon: Running) -> None:
    """In no file of the daemon's but its settings, and in nothing that it or its client prints."""
    for path in daemon.folder.rglob("*"):
        if path.is_file() and path != daemon.config:
            assert CANARY.encode() not in path.read_bytes(), path
    for words in (["status"], ["status", "--json"], ["alerts", "--json"], ["alerts"], ["config", "show"], ["doctor"]):
        done = daemon.ctl(*words)
        assert CANARY not in done.stdout + done.stderr, words


def test_a_volume_that_is_away_is_told_by_every_channel(hook: Hook, tmp_path: Path) -> None:
    """At the start; listed with what to do; after a kill it is not told again."""
    with running(tmp_path, volumes=("main", "second"), extra=settings(hook)) as daemon:
        assert alerts(daemon) == {}
        daemon.stop()
        daemon.library("second").rename(tmp_path / "away")
        daemon.start()
        (opened,) = wait_for(lambda: told(hook, "webhook"))
        assert (opened["kind"], opened["key"], opened["severity"]) == ("opened", "volume:second", "error")
        assert opened["fix"]
        wait_for(lambda: told(hook, "apprise"))
        one = wait_for(lambda: len((found := alerts(daemon)["volume:second"])["told"]) == 3 and found)
        assert one["due"] == {}
        (item,) = daemon.client.get("/v1/status")["attention_items"]
        assert (item["key"], item["fix"]) == ("volume:second", opened["fix"])
        listed = daemon.ctl("alerts").stdout
        assert "volume:second" in listed
        assert opened["fix"].rstrip(".") in listed
        daemon.kill()
        daemon.start()
        wait_for(lambda: alerts(daemon)["volume:second"]["count"] > 1)
        assert (len(told(hook, "webhook")), len(told(hook, "apprise"))) == (1, 1)
        assert daemon.log.read_text().count('"alert opened"') == 1
        assert_no_canary(daemon)


def tried(daemon: Running) -> dict[str, Any] | None:
    """What is kept for the webhook of the alert about the volume, once it was tried."""
    due: dict[str, Any] = alerts(daemon).get("volume:second", {}).get("due", {}).get("webhook", {})
    return due if due.get("tries") and due.get("error") else None


def test_one_channel_that_is_down_costs_no_alert(hook: Hook, tmp_path: Path) -> None:
    """It is kept, `alerts test` says which one fails, and when it works again everything comes."""
    hook.always = (404, {})
    with running(tmp_path, volumes=("main", "second"), extra=settings(hook)) as daemon:
        daemon.stop()
        daemon.library("second").rename(tmp_path / "away")
        daemon.start()
        kept = wait_for(lambda: tried(daemon))
        assert "log" in alerts(daemon)["volume:second"]["told"]
        assert "404" in kept["error"]
        assert kept["kind"] == "opened"
        done = daemon.ctl("alerts", "test")
        assert done.returncode == 1
        lines = {line.split()[0]: line for line in done.stdout.splitlines()}
        assert "told" in lines["log"]
        assert "404" in lines["webhook"]
        assert "webhook" in daemon.ctl("alerts").stdout
        daemon.kill()
        hook.always = (204, {})
        hook.posts.clear()
        daemon.start()
        assert wait_for(lambda: told(hook, "webhook"))[0]["kind"] == "opened"
        test = daemon.ctl("alerts", "test", "--json")
        assert test.returncode == 0
        assert [one["error"] for one in json.loads(test.stdout)["channels"]] == [None, None, None]
        assert told(hook, "webhook")[-1]["kind"] == "test"
        assert_no_canary(daemon)
