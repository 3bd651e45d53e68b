"""How good generated patches are, as it is kept in files: each measure beside the same of real held-out patches.

The real ones are the yardstick: a generator as good as more real data would reach it. See ``generation/quality.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any, Final

from pydantic import model_validator

from raysat.files import FileModel
from raysat.files.fields import Count, Line, Number, Share

_SCALARS: Final = ("kid", "index_distance", "diversity", "nearest_real")


class Measure(FileModel):
    """A distance to the real train patches, or a ratio to what holds between these; None where patches are too few."""

    generated: Number | None = None
    held_out: Number | None = None  # the yardstick


class Quality(FileModel):
    """Measures of one generator's patches; what each means says ``generation/quality.py``."""

    real: Count = 0  # train patches of the class that were compared
    held_out: Count = 0
    generated: Count = 0
    kid: Measure = Measure()
    wasserstein: tuple[Measure, ...] = ()  # by band
    index: Line | None = None  # the vegetation index of ``index_distance``
    index_distance: Measure = Measure()
    diversity: Measure = Measure()
    nearest_real: Measure = Measure()

    @model_validator(mode="before")
    @classmethod
    def _from_flat_keys(cls, values: Any) -> Any:
        """Read what was written when ``kid`` and ``kid_held_out`` stood side by side."""
        if not isinstance(values, dict) or "kid_held_out" not in values:
            return values
        pairs: dict[str, Any] = {
            key: {"generated": values.get(key), "held_out": values.get(f"{key}_held_out")} for key in _SCALARS
        }
        bands = [values.get(key) for key in ("wasserstein", "wasserstein_held_out")]
        if all(isinstance(distances, list | tuple) for distances in bands):
            pairs["wasserstein"] = [{"generated": one, "held_out": other} for one, other in zip(*bands, strict=False)]
        return values | pairs

    def measures(self) -> dict[str, Measure]:
        """Return all measures by name, Wasserstein's as the mean of the bands."""
        bands = Measure(
            generated=_mean(band.generated for band in self.wasserstein),
            held_out=_mean(band.held_out for band in self.wasserstein),
        )
        return {
            "kid": self.kid,
            "wasserstein": bands,
            "index_distance": self.index_distance,
            "diversity": self.diversity,
            "nearest_real": self.nearest_real,
        }


class SyntheticTraining(FileModel):
    """Balanced accuracy on real held-out patches of a small classifier, by what it was trained on; means over seeds."""

    synthetic: Share  # generated patches alone, but for ``from_real``
    real: Share  # the real train patches
    held_out: Count  # val and test patches
    repeats: Count  # seeds
    from_real: tuple[Line, ...]  # classes without a generator, which are trained on their real train patches


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
