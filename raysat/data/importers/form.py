"""What the patches of one import have in common, size and type, checked before a pixel of the next one is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from raysat.errors import DataError

# Bytes of the pixels of one patch, as its file declares them: 1,024 x 1,024 pixels of 13 float32 bands are 54 MB.
# Compressed files of a few kB can declare any size, and it is all taken from memory.
MAX_PATCH_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Size and type of a patch."""

    bands: int
    height: int  # pixels
    width: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.height} x {self.width} px, {self.bands} band{'s' * (self.bands != 1)}, {self.dtype}"

    def check_bytes(self, of_a_pixel: int) -> None:
        """Raise DataError for a patch that is too large to be one, with so many bytes for a pixel of a band."""
        if math.prod((self.bands, self.height, self.width, of_a_pixel)) > MAX_PATCH_BYTES:
            raise DataError(
                f"it is {self}: more than {MAX_PATCH_BYTES >> 20} MB for a patch",
                hint="cut large scenes into patches first",
            )

    def check_like(self, first: Form | None) -> None:
        """Raise DataError where the first patch, if there is one yet, was of another size or type."""
        if first not in (None, self):
            raise DataError(
                f"it is {self}, the ones before it are {first}", hint="a store holds patches of one size and type"
            )
