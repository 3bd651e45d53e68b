"""Generators whose patches some arm trained on: what is on record of them, how good the patches are, their picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from raysat.artifacts import FOLDER, Artifacts, GenerateRecord
from raysat.errors import LedgerError
from raysat.ledger import Ledger
from raysat.report.frame import Leaderboard
from raysat.report.text import NONE

QUALITY: Final = {  # of the figures in a record -> its label
    "kid": "KID",
    "wasserstein": "Wasserstein",
    "index_distance": "index distance",
    "diversity": "diversity",
    "nearest_real": "nearest real",
}
YARDSTICK: Final = (
    "KID: on features of a classifier of the real patches. Wasserstein: in deviations of a band, mean of all bands. "
    "Diversity: 1 as diverse as the real ones, 0 collapsed. Nearest real: well under 1 would be copies."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A generator whose patches some arm trained on."""

    record: GenerateRecord
    samples: Path | None  # its last sheet of samples beside real patches

    @property
    def picture(self) -> bytes:
        """The sheet as PNG; empty where there is none."""
        try:
            return self.samples.read_bytes() if self.samples else b""
        except OSError:
            return b""

    def figures(self, key: str) -> tuple[float | None, float | None]:
        """A figure of ``QUALITY`` of the generated patches, and the same of real held-out ones: the yardstick."""
        quality = self.record.quality
        return _mean(quality.get(key)), _mean(quality.get(f"{key}_held_out"))

    @property
    def verdict(self) -> str:
        """Whether it collapsed."""
        return "collapsed" if self.record.collapsed else "not collapsed"


def read_generators(board: Leaderboard, ledgers: Sequence[Ledger]) -> tuple[Generator, ...]:
    """Read what is on record of the generators beside the runs; one that is gone is left out."""
    found = []
    for job in board.generators:
        for ledger in ledgers:
            artifacts = Artifacts(ledger.root.resolve().parent / FOLDER)
            try:
                record = artifacts.read(job)
            except LedgerError:
                continue
            sheets = sorted(artifacts.path(job).glob("samples-*.png"))
            found.append(Generator(record=record, samples=sheets[-1] if sheets else None))
            break
    return tuple(found)


def figure_text(value: float | None) -> str:
    """Three decimals, with a true minus."""
    return NONE if value is None else f"{value:.3f}".replace("-", "−")


def _mean(value: Any) -> float | None:
    """A quality figure, or the mean of one per band."""
    known = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int | float)]
    return fmean(known) if known else None
