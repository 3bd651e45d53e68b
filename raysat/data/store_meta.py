"""``store.json``: what a patch store says of itself, typed and bounded."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from raysat.data.fields import BandNames, ClassNames, PixelSize, PixelType, SensorName, without
from raysat.data.groups import Grouping
from raysat.data.places import MAX_SCENES, SceneRef
from raysat.data.splits import check_letters
from raysat.data.stats import BandStats
from raysat.files import FileModel

MAX_FACTS: Final = 100  # of a source
_LONGEST_FACT: Final = 10_000  # characters of one: paths have some thousand at most

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Text = Annotated[str, Field(max_length=_LONGEST_FACT)]
Fact = Text | Whole | float | bool | dict[str, Whole] | None  # where patches came from, and counts of what was dropped
Size = Annotated[int, Field(ge=1)]


def _possible(stats: BandStats) -> BandStats:
    """A constant band has a deviation of 0; older stores give it a scale without width, too."""
    fault = "the deviation is negative" if stats.std < 0 else "low is above high" if stats.low > stats.high else ""
    return without(fault, stats)


class StoreMeta(FileModel):
    """What a store says of itself; ``PatchStore.open`` compares it with the files beside it.

    Types are strict: no number is read from text, no truth value from a number.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    format: Literal[1] = 1
    bands: BandNames
    sensor: SensorName | None
    classes: ClassNames
    ordinal: bool
    generated: bool | None = None  # absent where the store is too old: its source says it
    shape: tuple[Size, Size, Size, Size] | None = None  # of the images; absent in some old stores, as is the next
    dtype: PixelType | None = None
    stats: tuple[Annotated[BandStats, AfterValidator(_possible)], ...]
    nodata: tuple[Annotated[int, Field(ge=0)], ...] = ()  # absent where the store is too old to say
    pixel_size: PixelSize | None = None  # absent where it is not known
    scenes: Annotated[tuple[SceneRef, ...], Field(max_length=MAX_SCENES)] = ()  # that ``places.npy`` names
    places: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None  # digest of these two and of that file
    grouping: Grouping | None = None  # what makes the groups of ``groups.npy``; absent where there is no such file
    groups: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None  # digest of both
    source: Annotated[dict[str, Fact], Field(max_length=MAX_FACTS)]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]  # of images, labels and splits
    # Of what is checked on every opening (see ``spot_check.py``); absent where the store is too old.
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    splits: Annotated[str, AfterValidator(check_letters)]  # a letter for each patch (see ``splits.py``)
