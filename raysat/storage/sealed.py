"""The files of a finished trial: each is what was written, by its checksum, or it is an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from raysat.errors import StorageError
from raysat.files import SAFE_NAME, open_regular, read_bytes, read_text

SUMS: Final = "SHA256SUMS"
WEIGHTS: Final = "model.pt"
FILES: Final = ("record.json", "spec.json", "history.csv", "predictions.npz", WEIGHTS)
_LINE: Final = re.compile(rf"([0-9a-f]{{64}})  ({SAFE_NAME.pattern})")
_MAX_SUMS: Final = 64 << 10  # bytes: five lines are 400
_MAX_FILE: Final = 16 << 30  # bytes: weights of a model of four billion parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFolder:
    """A finished trial's folder and the checksums that were written with its files."""

    folder: Path
    sums: Mapping[str, str]  # file name -> SHA-256

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the checksums. Raises StorageError where they are missing or damaged, or leave out a file."""
        file = folder / SUMS
        sums: dict[str, str] = {}
        for number, line in enumerate(read_text(file, max_bytes=_MAX_SUMS, remedy=again(folder)).splitlines(), start=1):
            match = _LINE.fullmatch(line)
            if match is None or match[2] in sums:
                raise StorageError(f"{file} is damaged: line {number} is no checksum of a file", hint=again(folder))
            sums[match[2]] = match[1]
        if missing := [name for name in FILES if name not in sums]:
            raise StorageError(f"{file} is damaged: it does not name {', '.join(missing)}", hint=again(folder))
        return cls(folder=folder, sums=sums)

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read a file, one that is larger excepted. Raises StorageError where it is missing or not what was written."""
        content = read_bytes(self.folder / name, max_bytes=max_bytes, remedy=again(self.folder))
        self.check_content(name, content)
        return content

    def check_content(self, name: str, content: bytes) -> None:
        """Raise StorageError where what was read of a file is not what was written."""
        self._check(name, hashlib.sha256(content).hexdigest())

    def check(self, name: str) -> None:
        """Raise StorageError where a file, however large, is missing or not what was written."""
        with open_regular(self.folder / name, max_bytes=_MAX_FILE, remedy=again(self.folder)) as file:
            self._check(name, hashlib.file_digest(file, "sha256").hexdigest())

    def _check(self, name: str, digest: str) -> None:
        if self.sums[name] != digest:
            raise StorageError(f"{self.folder / name} is damaged: its checksum is wrong", hint=again(self.folder))


def encode_sums(files: Mapping[str, bytes]) -> bytes:
    """Write the checksums of files, as ``sha256sum`` does."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def again(folder: Path) -> str:
    """What to do about a damaged trial: its folder is whole or worthless."""
    return f"delete {folder} and run the study again"
