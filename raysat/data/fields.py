"""Fields of files that describe patches: names of bands, classes and sensors, types and sizes of pixels."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field

from raysat.data.names import name_fault, names_fault

DTYPES: Final = ("uint8", "uint16", "float32")
_LARGEST_PIXEL: Final = 1e7  # metres: the Earth has four of them around

_T = TypeVar("_T")


def without(fault: str, value: _T) -> _T:
    """Return the value. Raises ValueError where there is something wrong with it."""
    if fault:
        raise ValueError(fault)
    return value


def _pixel_type(name: str) -> str:
    return without("" if name in DTYPES else f"a store holds {', '.join(DTYPES)}", name)


BandNames = Annotated[tuple[str, ...], AfterValidator(lambda names: without(names_fault(names, "band"), names))]
ClassNames = Annotated[tuple[str, ...], AfterValidator(lambda names: without(names_fault(names, "class"), names))]
SensorName = Annotated[str, AfterValidator(lambda name: without(name_fault(name, "sensor"), name))]
PixelType = Annotated[str, AfterValidator(_pixel_type)]
PixelSize = Annotated[float, Field(gt=0, le=_LARGEST_PIXEL, allow_inf_nan=False)]  # metres
