"""What every model of a configuration shares, and the types of their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]  # within training, neither its start nor its end
Bands = str | Annotated[tuple[int | str, ...], Field(min_length=1, strict=False)]


class Spec(BaseModel):
    """Base of every model here: frozen, unknown keys refused, numbers finite, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)

    @classmethod
    def by_key(cls) -> dict[str, FieldInfo]:
        """Return the fields by the keys that files use, where these are other words than the code's."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}
