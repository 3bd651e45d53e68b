"""Reads what W&B keeps of a run that it has not sent: ``run-<id>.wandb``, a LevelDB log of protobuf records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768  # bytes; a record that does not fit goes on in the next
HEADER = 7  # of a record: checksum (4 bytes), length (2), kind (1)
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(file: Path) -> Iterator[Any]:
    """Yield the records of a file."""
    from wandb.proto import wandb_internal_pb2

    content, at, parts = file.read_bytes(), 7, b""
    assert content.startswith(b":W&B")
    while at + HEADER <= len(content):
        room = BLOCK - at % BLOCK
        if room < HEADER:
            at += room
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + HEADER])
        parts += content[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (WHOLE, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record
