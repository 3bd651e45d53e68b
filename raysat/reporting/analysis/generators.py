"""Generators whose patches some arm trained on: what is on record of them, how good the patches are, their picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.errors import DeniedError, StorageError
from raysat.files import AnyPath, folder_entries, read_bytes
from raysat.reporting.analysis.model import Leaderboard
from raysat.storage.artifacts import Artifacts, GenerateRecord
from raysat.storage.ledger import Ledger

QUALITY: Final = {  # of the figures in a record -> its label
    "kid": "KID",
    "wasserstein": "Wasserstein",
    "index_distance": "index distance",
    "diversity": "diversity",
    "nearest_real": "nearest real",
}
_SHEET: Final = re.compile(r"samples-([0-9]+)\.png")  # of which step
_MAX_SHEET: Final = 64 << 20  # bytes of a picture, which goes into a page whole
_PNG: Final = b"\x89PNG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A generator whose patches some arm trained on."""

    record: GenerateRecord
    samples: AnyPath | None  # its last sheet of samples beside real patches

    @property
    def picture(self) -> bytes:
        """The sheet as PNG; empty where there is none."""
        try:
            content = read_bytes(self.samples, max_bytes=_MAX_SHEET) if self.samples else b""
        except StorageError:
            return b""
        return content if content.startswith(_PNG) else b""

    def figures(self, key: str) -> tuple[float | None, float | None]:
        """A figure of ``QUALITY`` of the generated patches, and the same of real held-out ones: the yardstick."""
        measure = self.record.quality.measures()[key]
        return measure.generated, measure.held_out


def read_generators(board: Leaderboard, ledgers: Sequence[Ledger]) -> tuple[Generator, ...]:
    """Read what is on record of the generators beside the runs; one that is gone is left out."""
    generators = []
    for job in board.generators:
        for ledger in ledgers:
            artifacts = Artifacts.beside(ledger.root)
            try:
                record = artifacts.read(job)
            except DeniedError:
                raise
            except StorageError:
                continue
            folder = artifacts.path(job)
            sheets = {
                int(match[1]): folder / entry.name
                for entry in folder_entries(folder)
                if (match := _SHEET.fullmatch(entry.name))
            }
            generators.append(Generator(record=record, samples=sheets[max(sheets)] if sheets else None))
            break
    return tuple(generators)
