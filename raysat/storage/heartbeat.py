"""Where a run stands: a small file in its folder that it keeps up to date, for whoever asks from elsewhere."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from raysat.storage.atomic import replace_quickly


class Running(BaseModel):
    """A trial or generator that trains now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: str  # id
    name: str
    seed: int | None  # None for a generator
    epoch: int  # done; steps of a generator
    epochs: int


class Standing(BaseModel):
    """How far a run was when the file was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    pid: int
    time: float  # seconds since 1970, UTC
    done: int  # in this run
    failed: int
    before: int  # finished when it began
    total: int
    running: tuple[Running, ...]
    left_s: float | None  # seconds that it expected to need

    @classmethod
    def of_this_process(
        cls, *, done: int, failed: int, before: int, total: int, running: Sequence[Running], left_s: float | None
    ) -> Self:
        """Sign it with host, process and time."""
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            time=time.time(),
            done=done,
            failed=failed,
            before=before,
            total=total,
            running=tuple(running),
            left_s=left_s,
        )


def write_standing(file: Path, standing: Standing) -> None:
    """Replace the file at once; one that cannot be written is no reason to stop a run."""
    with suppress(OSError):
        replace_quickly(file, standing.model_dump_json(indent=1))


def read_standing(file: Path) -> Standing | None:
    """Read the file; None where there is none, or it is not one."""
    try:
        return Standing.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
