"""What patches a model takes: bands, size and units, and the statistics that they are normalised with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from raysat.data.fields import BandNames, PixelSize, PixelType, SensorName
from raysat.data.stats import BandStats
from raysat.data.store import PatchStore
from raysat.files import FileModel

_LONGEST_SIDE: Final = 1 << 14  # pixels


class ModelInputs(FileModel):
    """What a model was trained on, and so what it must be given: patches (C, H, W) in the store's units."""

    bands: BandNames  # C of them, in order
    sensor: SensorName | None
    height: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]  # pixels
    width: Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]
    dtype: PixelType  # of the store
    stats: tuple[BandStats, ...]  # by band: the train split's
    pixel_size: PixelSize | None = None  # None where it is not known

    @model_validator(mode="after")
    def _has_stats_of_each_band(self) -> Self:
        if len(self.stats) != len(self.bands):
            raise ValueError(f"statistics of {len(self.stats)} bands, not of {len(self.bands)}")
        return self

    @classmethod
    def of(cls, store: PatchStore, bands: Sequence[str]) -> Self:
        """What a model takes that was trained on some bands of a store, by name."""
        _, _, height, width = store.images.shape
        return cls(
            bands=tuple(bands),
            sensor=store.sensor,
            height=height,
            width=width,
            dtype=store.images.dtype.name,
            stats=tuple(store.stats[store.bands.index(band)] for band in bands),
            pixel_size=store.pixel_size,
        )
