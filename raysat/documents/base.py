"""What all documents share: models that are frozen, name every key each time, and are written and described one way."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_time(value: object) -> object:
    """Seconds since 1970, as files of a run have them, to whole milliseconds."""
    return datetime.fromtimestamp(round(value, 3), UTC) if isinstance(value, int | float) else value


Real = Annotated[float | None, BeforeValidator(_finite)]  # null where it is NaN, infinite, or not known
Count = Annotated[int, Field(ge=0)]
When = Annotated[AwareDatetime, BeforeValidator(_as_time)]  # ISO 8601, UTC


class Part(BaseModel):
    """An object of a document: every key is there each time, null where there is nothing to say."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", from_attributes=True, json_schema_serialization_defaults_required=True
    )


class Document(Part):
    """A whole document."""

    schema_version: Literal[1] = Field(
        1, description="Grows when a key is renamed, removed or changes its meaning; not when one is added."
    )


def document_json(document: Document, *, line: bool = False) -> str:
    """Write a document: the one way in which any is written.

    Args:
        document: what to write.
        line: on one line, as a stream of documents has them; else a key a line, for people.

    Returns:
        JSON that ends with a newline. Its keys are in the order of the schema; every character beyond ASCII is escaped,
        so that no name can command a terminal and no encoding of a pipe loses one.
    """
    text = document.model_dump_json(indent=None if line else 1, ensure_ascii=True, by_alias=True)
    return text.replace("\x7f", "\\u007f") + "\n"  # ASCII, but a control character all the same


def document_schema(model: type[Document]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what ``document_json`` writes of a model."""
    return {"$schema": _DRAFT, **model.model_json_schema(mode="serialization", by_alias=True)}
