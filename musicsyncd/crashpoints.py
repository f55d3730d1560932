"""Every instant at which losing the process matters, in one list, so that a test can lose it at each.

`MUSICSYNCD_CRASH_AT=<name>` kills the daemon with SIGKILL the first time it passes that point (`<name>:3`: the third
time). Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from typing import Final


class CrashPoint(StrEnum):
    """The commit points of one track, in the order in which it passes them on its way home; then those of a step done
    again (`RETRY_ONLY`), and those of leaving duplicates out and of bringing them back (`MERGING`).
    """

    REQUEST_WRITTEN = "request-written"
    JOB_CLAIMED = "job-claimed"
    TRACKS_RECORDED = "tracks-recorded"
    CHILDREN_ENQUEUED = "children-enqueued"
    CANDIDATE_CHOSEN = "candidate-chosen"
    AUDIO_FETCHED = "audio-fetched"
    OUTPUTS_MADE = "outputs-made"
    SOURCE_RECORDED = "source-recorded"
    WAVEFORM_KEPT = "waveform-kept"
    ANALYSIS_RECORDED = "analysis-recorded"
    ENRICHMENT_RECORDED = "enrichment-recorded"
    TAGS_WRITTEN = "tags-written"
    SHELF_COPIED = "shelf-copied"
    SHELF_SYNCED = "shelf-synced"
    SHELF_RENAMED = "shelf-renamed"
    SHELF_FOLDER_SYNCED = "shelf-folder-synced"
    SHELF_RECORDED = "shelf-recorded"
    ROW_WRITTEN = "row-written"
    ROW_READ_BACK = "row-read-back"
    ROW_RECORDED = "row-recorded"
    TRACK_SETTLED = "track-settled"
    JOB_DONE = "job-done"
    WORD_RECORDED = "word-recorded"
    OUTPUTS_RENEWED = "outputs-renewed"
    FILE_COPIED = "file-copied"
    FILE_RETAGGED = "file-retagged"
    RETAG_RECORDED = "retag-recorded"
    MERGE_RECORDED = "merge-recorded"
    FILE_RETIRED = "file-retired"
    RETIREMENT_RECORDED = "retirement-recorded"
    ROW_RETIRED = "row-retired"
    FILE_RESTORED = "file-restored"
    RESTORATION_RECORDED = "restoration-recorded"
    ROW_REVIVED = "row-revived"
    MERGE_UNDONE = "merge-undone"
    EAGLE_NOTED = "eagle-noted"
    EAGLE_ASKED = "eagle-asked"
    EAGLE_CONFIRMED = "eagle-confirmed"
    ROWS_NOTED = "rows-noted"
    ROW_AMENDED = "row-amended"
    DONOR_NOTED = "donor-noted"
    DONOR_PUT_AWAY = "donor-put-away"
    DONOR_BACK = "donor-back"
    AMENDMENT_UNDONE = "amendment-undone"


IN_EAGLE: Final = frozenset({CrashPoint.EAGLE_NOTED, CrashPoint.EAGLE_ASKED, CrashPoint.EAGLE_CONFIRMED})
"""Points that only a track passes that goes to Eagle."""
MERGING_ROWS: Final = frozenset(
    {
        CrashPoint.ROWS_NOTED,
        CrashPoint.ROW_AMENDED,
        CrashPoint.DONOR_NOTED,
        CrashPoint.DONOR_PUT_AWAY,
        CrashPoint.DONOR_BACK,
        CrashPoint.AMENDMENT_UNDONE,
    }
)
"""Passed when rows of a catalog are merged, and when that is undone."""
RETRY_ONLY: Final = frozenset(
    {
        CrashPoint.WORD_RECORDED,
        CrashPoint.OUTPUTS_RENEWED,
        CrashPoint.FILE_COPIED,
        CrashPoint.FILE_RETAGGED,
        CrashPoint.RETAG_RECORDED,
    }
)
"""Passed by `tracks retry --step` alone; a plain sync passes all others."""
RETRY: Final = (
    CrashPoint.REQUEST_WRITTEN,
    CrashPoint.JOB_CLAIMED,
    CrashPoint.CHILDREN_ENQUEUED,
    CrashPoint.WORD_RECORDED,
    CrashPoint.WAVEFORM_KEPT,
    CrashPoint.ANALYSIS_RECORDED,
    CrashPoint.OUTPUTS_RENEWED,
    CrashPoint.FILE_COPIED,
    CrashPoint.FILE_RETAGGED,
    CrashPoint.SHELF_COPIED,
    CrashPoint.SHELF_SYNCED,
    CrashPoint.SHELF_RENAMED,
    CrashPoint.SHELF_FOLDER_SYNCED,
    CrashPoint.RETAG_RECORDED,
    CrashPoint.ROW_WRITTEN,
    CrashPoint.ROW_READ_BACK,
    CrashPoint.ROW_RECORDED,
    CrashPoint.TRACK_SETTLED,
    CrashPoint.JOB_DONE,
)
"""What `tracks retry --step analyze` passes, in its order."""
MATCHING: Final = frozenset({CrashPoint.CANDIDATE_CHOSEN})
"""Passed by a track whose own source supplies no audio."""
MERGING: Final = frozenset(
    {
        CrashPoint.MERGE_RECORDED,
        CrashPoint.FILE_RETIRED,
        CrashPoint.RETIREMENT_RECORDED,
        CrashPoint.ROW_RETIRED,
        CrashPoint.FILE_RESTORED,
        CrashPoint.RESTORATION_RECORDED,
        CrashPoint.ROW_REVIVED,
        CrashPoint.MERGE_UNDONE,
    }
)
"""Those that a track passes when it is left out as a duplicate, and when that is undone."""


ENVIRONMENT: Final = "MUSICSYNCD_CRASH_AT"
_name, _, _count = os.environ.get(ENVIRONMENT, "").partition(":")
_passes_left = int(_count or 1) if _name else 0


def crash_point(point: CrashPoint) -> None:
    """Die here, if the environment says so."""
    global _passes_left
    if _passes_left and point == _name:
        _passes_left -= 1
        if not _passes_left:
            os.kill(os.getpid(), signal.SIGKILL)
