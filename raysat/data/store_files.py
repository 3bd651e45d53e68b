"""The files of a patch store, wherever they lie: what opens a store needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy.typing as npt

from raysat.data.npy import map_npy
from raysat.data.remote.ranged_array import RangedArray
from raysat.errors import StoreError
from raysat.files import file_exists, read_bytes, reading
from raysat.files.models import MAX_BYTES

META: Final = "store.json"
IMAGES: Final = "images.npy"
LABELS: Final = "labels.npy"
NODATA: Final = "nodata.npy"  # in stores with nodata alone
PLACES: Final = "places.npy"  # in stores whose patches all have a place on the map
GROUPS: Final = "groups.npy"  # in stores whose patches all have a group that does not follow from their places
OPTIONAL: Final = (NODATA, PLACES, GROUPS)
STORE_FILES: Final = (IMAGES, LABELS, *OPTIONAL, META)  # the description last, as it makes a store whole
REMEDY: Final = "import the data again"


Images = npt.NDArray[Any] | RangedArray  # read when it is indexed


class StoreFiles(Protocol):
    """Reads the files of a store; raises StoreError, naming the file, for one that is missing or damaged."""

    @property
    def place(self) -> object:
        """Where they lie, for errors: a folder or a URL."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

    def total(self) -> int:
        """Bytes of all of them."""

    def read_meta(self) -> bytes:
        """The content of ``store.json``."""

    def array(self, name: str) -> Images:
        """The values of an .npy file, read when they are asked for."""


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files of a store on a disk, which are memory-mapped."""

    place: Path

    def size(self, name: str) -> int | None:
        """As ``StoreFiles``."""
        file = self.place / name
        return file.stat().st_size if file_exists(file, StoreError) else None

    def total(self) -> int:
        """As ``StoreFiles``; of whatever is in the folder."""
        with reading(self.place, error=StoreError):
            return sum(file.stat().st_size for file in self.place.iterdir())

    def read_meta(self) -> bytes:
        """As ``StoreFiles``."""
        return read_bytes(self.place / META, max_bytes=MAX_BYTES, remedy=REMEDY, error=StoreError)

    def array(self, name: str) -> npt.NDArray[Any]:
        """As ``StoreFiles``."""
        return map_npy(self.place / name, remedy=REMEDY, error=StoreError)
