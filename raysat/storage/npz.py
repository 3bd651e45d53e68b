"""npz archives, of which nothing is unpacked before its name, size, type and shape are known to be right."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from raysat.data.npy import parse_header
from raysat.formatting import echo

MAX_BYTES: Final = 1 << 30  # unpacked: two million patches of 256 classes
# What zipfile raises on bytes that are no archive.
_BAD: Final = (
    EOFError, IndexError, NotImplementedError, OSError, OverflowError, RuntimeError, UnicodeError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_npz(content: bytes, types: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
    """Read an archive of arrays with one or two axes.

    Args:
        content: the file.
        types: name -> numpy's type of each array; there are no others.

    Returns:
        The arrays by name, not to be written to.

    Raises:
        ValueError: it is no such archive, or larger unpacked than ``MAX_BYTES``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in types):
                raise ValueError(f"it does not hold {', '.join(types)} alone")
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES:,} bytes when unpacked")
            return {name: _read(archive, archive.getinfo(f"{name}.npy"), type_) for name, type_ in types.items()}
    except _BAD as error:
        raise ValueError(f"it is no archive of arrays: {error}") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, type_: str) -> npt.NDArray[Any]:
    name = member.filename
    if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"{name} is encrypted, or packed in a way that is not numpy's")
    with archive.open(member) as file:
        header, expected = parse_header(cast(BinaryIO, file)), np.dtype(type_)
        if header.dtype != expected or not 1 <= len(header.shape) <= 2:
            raise ValueError(f"{name} holds {header.dtype.name} in {len(header.shape)} axes")
        size = math.prod(header.shape) * expected.itemsize
        if member.file_size != header.start + size:
            raise ValueError(f"{name} has {member.file_size:,} bytes, which do not fit its shape {echo(header.shape)}")
        data = file.read(size + 1)  # to its end, where its check sum is compared
    if len(data) != size:
        raise ValueError(f"{name} ends early")
    return np.frombuffer(data, expected).reshape(header.shape, order="F" if header.fortran_order else "C")
