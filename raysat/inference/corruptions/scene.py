"""What a corruption is given: patches in parts of their bands' full scale, and random numbers of each."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from raysat.inference.corruptions.random_fields import Streams


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A batch of patches, in parts of each band's full scale: a few values lie below 0 or above 1."""

    unit_BCHW: Tensor
    mean_C11: Tensor  # of the bands, in the same units: what nodata is filled with
    wavelengths: tuple[float | None, ...]  # of the bands in micrometres; None where that is not known
    streams: Streams  # of this corruption, one a patch
    band_streams: Streams  # the same, one a patch and band

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a patch in pixels."""
        _, _, height, width = self.unit_BCHW.shape
        return height, width

    def by_band(self, values: list[float]) -> Tensor:
        """Return a number for each band as (C, 1, 1)."""
        return self.unit_BCHW.new_tensor(values)[:, None, None]
