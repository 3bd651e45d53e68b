"""A store that lies elsewhere: a folder that is read by range, as a worker reads the driver's disk."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from raysat.files import ObjectPath, write_atomic


@dataclass
class FolderSource:
    """Reads the files of a folder, and counts; ``gate``, once closed, keeps readers waiting."""

    place: Path
    parallel: int = 4
    part: int = 1 << 20
    reads: list[tuple[str, int, int]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def size(self, name: str) -> int | None:
        file = self.place / name
        return file.stat().st_size if file.is_file() else None

    def read(self, name: str, start: int, stop: int) -> bytes:
        self.gate.wait()
        self.reads.append((name, start, stop))
        with (self.place / name).open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


def upload(folder: Path, url: ObjectPath) -> ObjectPath:
    """Put the files of a folder into an object store, as any client does."""
    for file in folder.iterdir():
        write_atomic(url / file.name, file.read_bytes())
    return url
