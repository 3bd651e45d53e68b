"""Reads .npy files that may be anything: the header is checked, and the file's size with it, before a value is read.

The format is that of numpy.lib.format: a magic, a version, the length of a header, and the header, a Python literal.
numpy evaluates it and believes its shape; here it must be the one form that numpy writes, of plain numbers that fill
the rest of the file to the byte. No pickle and no zip archive is ever opened.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from raysat.errors import DataError, RaysatError
from raysat.files import open_regular
from raysat.formatting import echo

_MAGIC: Final = b"\x93NUMPY"
_LENGTH_BYTES: Final = {1: 2, 2: 4, 3: 4}  # of the header's length, by version
_LONGEST: Final = 4096  # bytes of a header: numpy writes some hundred
HEADER_BYTES: Final = _LONGEST + 12  # in which a header ends, with what comes before it
_TOKEN: Final = re.compile(r"'[^']*'|\w+|\S")
_AXIS: Final = r"\d{1,19}L? "
_SHAPE: Final = rf"\( (?:{_AXIS}, (?:(?:{_AXIS}, ){{0,6}}{_AXIS}(?:, )?)?)?\)"  # (), (2,), (2, 3) and so on
_ENTRY: Final = rf"'(descr|fortran_order|shape)' : ('[^']{{1,16}}'|True|False|{_SHAPE})"
_HEADER: Final = re.compile(rf"\{{ {_ENTRY} , {_ENTRY} , {_ENTRY} (?:, )?\}}")
_DESCR: Final = re.compile(r"'[<>|=]?[a-zA-Z]\d{1,4}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class NpyHeader:
    """What an .npy file says that it holds."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool  # the first axis changes fastest
    start: int  # bytes before the first value


def map_npy(path: Path, *, remedy: str, error: type[RaysatError] = DataError) -> npt.NDArray[Any]:
    """Map an .npy file, C-ordered and with at least one value, read-only; nothing but its header is read.

    Args:
        path: the file.
        remedy: hint of the error.
        error: kind of error to raise.

    Returns:
        The array, a ``np.memmap``.

    Raises:
        DataError: or the given kind: the file is missing, no regular file, or its header is not that of such an array.
    """
    with _opened(path, sys.maxsize, remedy, error) as (file, header):
        if fault := row_fault(header):
            raise error(f"{path} cannot be read: {fault}", hint=remedy)
        return np.memmap(file, dtype=header.dtype, mode="r", offset=header.start, shape=header.shape)


def read_npy(
    path: Path, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = DataError
) -> npt.NDArray[Any]:
    """Read a whole .npy file, in C or Fortran order.

    Args:
        path: the file.
        max_bytes: a larger file is refused.
        remedy: hint of the error.
        error: kind of error to raise.

    Returns:
        The array, read-only.

    Raises:
        DataError: or the given kind: the file is missing, no regular file, too large, or not one plain array.
    """
    with _opened(path, max_bytes, remedy, error) as (file, header):
        content = file.read(math.prod(header.shape) * header.dtype.itemsize)
        try:
            values = np.frombuffer(content, header.dtype)
            return values.reshape(header.shape, order="F" if header.fortran_order else "C")
        except ValueError as caught:  # fewer bytes than a moment ago
            raise error(f"{path} cannot be read: it is changed while it is read", hint=remedy) from caught


@contextmanager
def _opened(
    path: Path, max_bytes: int, remedy: str | None, error: type[RaysatError]
) -> Iterator[tuple[BinaryIO, NpyHeader]]:
    """Open a file at its first value, with its header, which fits the file's size."""
    with open_regular(path, max_bytes=max_bytes, remedy=remedy, error=error) as file:
        try:
            header = fitting_header(file, os.fstat(file.fileno()).st_size)
        except ValueError as caught:
            raise error(f"{path} cannot be read: {caught}", hint=remedy) from caught
        yield file, header


def row_fault(header: NpyHeader) -> str:
    """Why the rows of an array do not lie one after another in its file, or nothing."""
    if header.fortran_order and len(header.shape) > 1:
        return "its values are in Fortran order"
    return f"its shape {_shown(header.shape)} holds no value" if 0 in header.shape else ""


def fitting_header(file: BinaryIO, size: int) -> NpyHeader:
    """Read the header of an .npy file of so many bytes. Raises ValueError also where its array does not fill these."""
    header = parse_header(file)
    promised = math.prod(header.shape) * header.dtype.itemsize
    if promised != size - header.start:
        raise ValueError(
            f"{_shown(header.shape)} values of {header.dtype.name} take {echo(promised)} "
            f"bytes, the file has {size - header.start:,}"
        )
    return header


def parse_header(file: BinaryIO) -> NpyHeader:
    """Read the header of an .npy file from its start. Raises ValueError, saying why, where it is no plain array's."""
    start = file.read(len(_MAGIC) + 2)
    if not start.startswith(_MAGIC) or len(start) < len(_MAGIC) + 2:
        raise ValueError("it is not an .npy file")
    if start[-2] not in _LENGTH_BYTES:
        raise ValueError(f"it is .npy of version {start[-2]}.{start[-1]}; 1, 2 and 3 are read")
    length = int.from_bytes(file.read(_LENGTH_BYTES[start[-2]]), "little")
    if length > _LONGEST:
        raise ValueError(f"its header has {length:,} bytes, that of a plain array has at most {_LONGEST:,}")
    text = file.read(length).decode("latin-1")
    match = _HEADER.fullmatch(" ".join(_TOKEN.findall(text)))
    entries = dict(zip(match.groups()[::2], match.groups()[1::2], strict=True)) if match else {}
    if len(text) < length or len(entries) < 3 or not text.isascii():
        raise ValueError("its header is not that of a plain array")
    return _header(entries["descr"], entries["fortran_order"], entries["shape"], file.tell())


def _header(descr: str, order: str, shape: str, start: int) -> NpyHeader:
    kind = descr.strip("'")
    if not _DESCR.fullmatch(descr) or order not in ("True", "False") or not shape.startswith("("):
        raise ValueError(f"it holds {'Python objects' if 'O' in kind else f'values of type {echo(kind)}'}, not numbers")
    try:
        dtype = np.dtype(kind)
    except TypeError:
        raise ValueError(f"its values are of an unknown type {echo(kind)}") from None
    if dtype.kind not in "biufc":
        raise ValueError(f"it holds values of type {echo(kind)}, not numbers")
    axes = tuple(int(number) for number in re.findall(r"\d+", shape))
    return NpyHeader(dtype=dtype, shape=axes, fortran_order=order == "True", start=start)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(echo, shape)) or "1"
