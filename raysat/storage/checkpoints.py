"""Checkpoints of running trials: states that a training can resume from, each a file named by its state.

    <run>/checkpoints/<state>   SHA-256 of the rest (32 bytes), then what ``torch.save`` wrote

A name says all that led to the state (``state_ids.py``), so a checkpoint is right for whoever asks for it, and one
that is missing or damaged costs epochs, never a result. Files live only as long as an unfinished trial may need them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final

from raysat.errors import StorageError
from raysat.files import (
    AnyPath,
    ObjectPath,
    check_real_folder,
    folder_entries,
    read_bytes,
    remove_file,
    safe_name,
    write_atomic,
)

FOLDER: Final = "checkpoints"
_STATE: Final = re.compile(r"[0-9a-f]{16}")  # others' files stay
_LEFT: Final = re.compile(r"\..*\.partial", re.DOTALL)
_SEAL: Final = hashlib.sha256().digest_size
_MAX_BYTES: Final = 32 << 30  # weights, an average and two moments of a model of two billion parameters


class Checkpoints:
    """Reads and writes the checkpoints of one run, each of which one process at a time writes."""

    def __init__(self, run: AnyPath, check_held: Callable[[], None] = lambda: None) -> None:
        """Take the folder of a run; ``check_held`` raises where this process may sweep there no more."""
        self._run, self.root, self._check_held = run, run / FOLDER, check_held

    def write(self, state: str, content: bytes) -> None:
        """Write a checkpoint at once. Raises StorageError, what was there is then kept."""
        check_real_folder(self.root)
        write_atomic(self._path(state), (hashlib.sha256(content).digest(), content))

    def read(self, state: str) -> bytes | None:
        """Return the content of a checkpoint; None where it is missing or damaged."""
        try:
            sealed = read_bytes(self._path(state), max_bytes=_MAX_BYTES)
        except StorageError:
            return None
        seal, content = sealed[:_SEAL], sealed[_SEAL:]
        return content if hashlib.sha256(content).digest() == seal else None

    def is_whole(self, state: str) -> bool:
        """Whether a checkpoint is here and what was written."""
        return self.read(state) is not None

    def drop(self, state: str) -> None:
        """Delete a checkpoint that nobody needs any more, if it is there."""
        with suppress(StorageError):  # what stays is swept up by the next run
            remove_file(self._path(state), self._run)

    def sweep(self, needed: Collection[str]) -> None:
        """Delete all checkpoints but some; files that are being written stay. Raises DiskError as ``check_held``."""
        self._check_held()
        for state in self.names():
            if state not in needed:
                self.drop(state)
        if not needed and not isinstance(self.root, ObjectPath):
            with suppress(OSError):  # absent, not empty, or a link
                self.root.rmdir()

    def tidy(self) -> None:
        """Delete what killed writers left half-written; call this while nobody writes."""
        for entry in folder_entries(self.root):
            if _LEFT.fullmatch(entry.name):
                with suppress(StorageError):
                    remove_file(self.root / entry.name, self._run)

    def names(self) -> Iterator[str]:
        """The states that have a checkpoint, even if damaged. Raises StorageError where that cannot be seen."""
        return (entry.name for entry in folder_entries(self.root) if _STATE.fullmatch(entry.name))

    def _path(self, state: str) -> AnyPath:
        return self.root / safe_name(state, "state")
