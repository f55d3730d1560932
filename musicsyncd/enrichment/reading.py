"""How an answer in JSON becomes values: what does not have the shape that its service documents is not believed."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from musicsyncd.errors import Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import Answer

Mbid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""An id of MusicBrainz or AcoustID: it becomes part of URLs and of tags."""


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
"""Names and titles: what is longer is none."""


class Shape(BaseModel):
    """As much of an answer as is read; null counts as not said."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


S = TypeVar("S", bound=Shape)


async def shaped(answer: Answer, shape: type[S], budget: Budget) -> S:
    """The answer in that shape; Temporary when it has another: whoever answers so is not well, and its budget hears
    it.
    """
    try:
        return shape.model_validate(answer.json())
    except ValueError as error:
        await budget.failed(error)
        why = "It has another shape" if isinstance(error, ValidationError) else "It is no JSON"
        # `from None`: the chained error would carry what was answered, whole
        raise Temporary(f"{budget.name} answered what is not understood", why=why) from None
