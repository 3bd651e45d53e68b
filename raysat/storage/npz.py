"""npz archives, of which nothing is unpacked before its name, size, type and shape are known to be right."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAX_BYTES: Final = 1 << 30  # unpacked: two million patches of 256 classes
_MAGIC: Final = b"\x93NUMPY\x01\x00"
# What numpy writes for arrays of plain numbers; nothing of it is evaluated.
_HEADER: Final = re.compile(
    rb"\{'descr': '([<|][a-z]\d)', 'fortran_order': (True|False), 'shape': \((\d{1,10}),(?: (\d{1,10}))?\), \} *\n"
)
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
        start = file.read(len(_MAGIC) + 2)
        length = int.from_bytes(start[len(_MAGIC) :], "little")
        header = _HEADER.fullmatch(file.read(length)) if start.startswith(_MAGIC) else None
        if header is None or header[1].decode() != type_:
            raise ValueError(f"{name} is no array of numpy's type {type_}")
        shape = tuple(int(size) for size in header.groups()[2:] if size is not None)
        dtype = np.dtype(type_)
        size = math.prod(shape) * dtype.itemsize
        if member.file_size != len(start) + length + size:
            raise ValueError(f"{name} has {member.file_size:,} bytes, which its shape {shape} does not need")
        data = file.read(size + 1)  # to its end, where its check sum is compared
    if len(data) != size:
        raise ValueError(f"{name} ends early")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if header[2] == b"True" else "C")
