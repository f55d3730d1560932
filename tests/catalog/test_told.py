"""What a row should say of where a track's files are."""

from __future__ import annotations

from musicsyncd.catalog.notion_fields import told

ROOTS = {"VIBES": "/Volumes/VIBES/", "spare": "/Volumes/spare"}


def test_paths_are_those_of_the_first_volume() -> None:
    """In the settings' order, with the folder where the volume belongs; a format that stands nowhere has none."""
    files = ["spare:A/Song.m4a", "VIBES:A/Song.m4a", "spare:A/Song.wav"]
    found = told({"files": files, "fingerprint": "AQAA"}, ROOTS)
    assert (found["path_m4a"], found["path_wav"]) == ("/Volumes/VIBES/A/Song.m4a", "/Volumes/spare/A/Song.wav")
    assert (found["path_aiff"], found["fingerprint_aiff"], found["fingerprint_m4a"]) == (None, None, "AQAA")
    assert found["eagle_id"] is None


def test_every_item_in_eagle_is_named() -> None:
    """One for each format that it keeps; its paths come after those of the volumes."""
    files = ["eagle:images/KX2.info/Song.wav", "eagle:images/AB1.info/Song.m4a", "VIBES:A/Song.m4a"]
    found = told({"files": files}, ROOTS)
    assert found["eagle_id"] == "AB1, KX2"
    assert (found["path_m4a"], found["path_wav"]) == ("/Volumes/VIBES/A/Song.m4a", "images/KX2.info/Song.wav")
