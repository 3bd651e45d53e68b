"""Writes synthetic patches as droughtwatch has them: TFRecord parts under train/ and val/, a process of its own.

    python -m full_sizing.standin FOLDER PATCHES

A ninth of the patches is val, as in droughtwatch (86,317 and 10,778).
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Final

import numpy as np

from raysat.data.importers.droughtwatch import SENSOR
from raysat.data.importers.synthetic_scenes import draw_labels, render
from raysat.data.importers.tfrecord import masked_crc
from raysat.data.sensors import SENSORS

FULL: Final = 97_095
VAL: Final = 10_778 / FULL
_BATCH: Final = 64
_PART: Final = 16 * _BATCH  # patches


def write(folder: Path, patches: int) -> None:
    labels = draw_labels(patches, np.random.default_rng(0))
    held_out = round(patches * VAL)
    for split, start, stop in (("val", 0, held_out), ("train", held_out, patches)):
        (folder / split).mkdir(parents=True)
        for number, first in enumerate(range(start, stop, _PART)):
            with (folder / split / f"part-r-{number:05d}").open("wb") as file:
                for begin in range(first, min(first + _PART, stop), _BATCH):
                    batch = labels[begin : min(begin + _BATCH, first + _PART, stop)]
                    for patch, label in zip(render(batch, np.random.default_rng([1, begin])), batch, strict=True):
                        file.write(framed(example(patch, int(label))))


def example(patch_CHW: np.ndarray, label: int) -> bytes:
    """A tf.train.Example in protobuf's encoding: a map of names to lists of one value."""
    bands = zip(SENSORS[SENSOR].band_names, patch_CHW, strict=True)
    values = [(name, field(1, field(1, band.tobytes()))) for name, band in bands]
    values.append(("label", field(3, field(1, bytes((label,))))))
    return field(1, b"".join(field(1, field(1, name.encode()) + field(2, value)) for name, value in values))


def field(number: int, content: bytes) -> bytes:
    """A field of bytes: its tag, its length in sevens of bits, its content."""
    length, size = bytearray(), len(content)
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((number << 3 | 2, *length, size)) + content


def framed(payload: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
