"""``store.json``: what a patch store says of itself, typed and bounded."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

from raysat.data.names import name_fault, names_fault
from raysat.data.places import MAX_SCENES, SceneRef
from raysat.data.splits import check_letters
from raysat.data.stats import BandStats
from raysat.files import FileModel

DTYPES: Final = ("uint8", "uint16", "float32")
_MAX_FACTS: Final = 100  # of a source
_LARGEST_PIXEL: Final = 1e7  # metres: the Earth has four of them around
_LONGEST_FACT: Final = 10_000  # characters of one: paths have some thousand at most

_T = TypeVar("_T")
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Text = Annotated[str, Field(max_length=_LONGEST_FACT)]
Fact = Text | Whole | float | bool | dict[str, Whole] | None  # where patches came from, and counts of what was dropped
Size = Annotated[int, Field(ge=1)]


def _class_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return _without(names_fault(names, "class"), names)


def _band_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return _without(names_fault(names, "band"), names)


def _sensor_name(name: str) -> str:
    return _without(name_fault(name, "sensor"), name)


def _pixel_type(name: str) -> str:
    return _without("" if name in DTYPES else f"a store holds {', '.join(DTYPES)}", name)


def _possible(stats: BandStats) -> BandStats:
    """A constant band has a deviation of 0; older stores give it a scale without width, too."""
    fault = "the deviation is negative" if stats.std < 0 else "low is above high" if stats.low > stats.high else ""
    return _without(fault, stats)


def _without(fault: str, value: _T) -> _T:
    if fault:
        raise ValueError(fault)
    return value


class StoreMeta(FileModel):
    """What a store says of itself; ``PatchStore.open`` compares it with the files beside it.

    Types are strict: no number is read from text, no truth value from a number.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    format: Literal[1] = 1
    bands: Annotated[tuple[str, ...], AfterValidator(_band_names)]
    sensor: Annotated[str, AfterValidator(_sensor_name)] | None
    classes: Annotated[tuple[str, ...], AfterValidator(_class_names)]
    ordinal: bool
    generated: bool | None = None  # absent where the store is too old: its source says it
    shape: tuple[Size, Size, Size, Size] | None = None  # of the images; absent in some old stores, as is the next
    dtype: Annotated[str, AfterValidator(_pixel_type)] | None = None
    stats: tuple[Annotated[BandStats, AfterValidator(_possible)], ...]
    nodata: tuple[Annotated[int, Field(ge=0)], ...] = ()  # absent where the store is too old to say
    pixel_size: Annotated[float, Field(gt=0, le=_LARGEST_PIXEL)] | None = None  # metres; absent where it is not known
    scenes: Annotated[tuple[SceneRef, ...], Field(max_length=MAX_SCENES)] = ()  # that ``places.npy`` names
    places: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None  # digest of these two and of that file
    source: Annotated[dict[str, Fact], Field(max_length=_MAX_FACTS)]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]  # of images, labels and splits
    # Of what is checked on every opening (see ``spot_check.py``); absent where the store is too old.
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    splits: Annotated[str, AfterValidator(check_letters)]  # a letter for each patch (see ``splits.py``)
