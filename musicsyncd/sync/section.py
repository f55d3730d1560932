"""The section [duplicates] of config.toml."""

from __future__ import annotations

from pydantic import Field

from musicsyncd.section import Section


class DuplicatesSection(Section):
    """What happens to a second copy of a recording."""

    leave_out: bool = True
    """Whether a new track that is the same recording as a kept one is left out; default true. False: kept too."""
    most_files: int = Field(500, ge=1)
    """Files that one application of a plan may move to the recycle areas; default 500."""
    most_rows: int = Field(200, ge=1)
    """Rows that one application of a plan may put into the catalog's trash; default 200."""
