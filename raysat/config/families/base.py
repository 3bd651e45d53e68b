"""What every model of a configuration shares, and the types of their bounds."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from raysat.config import limits

_TINY: Final = {"not": {"exclusiveMinimum": 0, "exclusiveMaximum": limits.SMALLEST}}  # marks a strength, as JSON Schema

Rate = Annotated[float, Field(ge=limits.SMALLEST, le=limits.RATE)]  # of learning
Concentration = Annotated[
    float, Field(ge=0.01, le=1_000)
]  # of a Beta or Dirichlet: below it draws 0 or 1, above one half
Strength = Annotated[float, Field(ge=0, json_schema_extra=_TINY)]  # 0 is none; its field gives the highest
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]  # within training, neither its start nor its end
Beta = Annotated[
    Strength,
    Field(
        lt=1,
        description="How much class sizes matter: 0 treats all classes alike, near 1 it is as 1 / n_c. 0.9999 is the "
        "largest value of Cui et al. 2019, for classes of thousands of patches.",
    ),
]
Bands = str | Annotated[tuple[int | str, ...], Field(min_length=1, strict=False)]


class TooSmallError(ValueError):
    """A strength that is not 0, and does nothing all the same."""


class Spec(BaseModel):
    """Base of every model here: frozen, unknown keys refused, numbers finite, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)

    @field_validator("*")
    @classmethod
    def _strength_acts(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a strength that does the same as 0, but looks as if it did something."""
        tiny = type(value) is float and 0 < value < limits.SMALLEST
        if tiny and cls.model_fields[str(info.field_name)].json_schema_extra is _TINY:
            raise TooSmallError
        return value

    @classmethod
    def by_key(cls) -> dict[str, FieldInfo]:
        """Return the fields by the keys that files use, where these are other words than the code's."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


class ByCounts(Spec):
    """What treats classes by their training patches n_c, and so treats classes of equal size alike."""
