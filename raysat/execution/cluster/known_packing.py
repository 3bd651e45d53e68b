"""What was measured of trainings side by side on this machine's GPUs, kept in the user's cache; no ray, no torch.

It is kept by all that it depends on: networks, kind of patches, card and versions.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from raysat.errors import RaysatError
from raysat.files import cache_folder, read_model, write_atomic
from raysat.training.packing.messages import Packing, PackingRequest
from raysat.training.packing.mps import mps_state

_DEVICES: Final = Path("/dev")


def gpu_count() -> int:
    """How many NVIDIA cards this machine has that a process may use; torch would take seconds to say."""
    there = len(list(_DEVICES.glob("nvidia[0-9]*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (
        there if visible is None else min(there, len([card for card in visible.split(",") if card not in ("", "-1")]))
    )


def known_packing(request: PackingRequest) -> Packing | None:
    """What an earlier run measured on this machine, if any did."""
    try:
        return read_model(Packing, _kept(request), remedy="")
    except RaysatError:
        return None


def keep_packing(request: PackingRequest, packing: Packing) -> None:
    """Keep it for later runs, where the cache can be written."""
    with suppress(RaysatError):
        write_atomic(_kept(request), packing.model_dump_json().encode())


def _kept(request: PackingRequest) -> Path:
    """Where a result is kept: under all that it depends on."""
    told = (path.read_text() for path in Path("/proc/driver/nvidia/gpus").glob("*/information"))
    cards = sorted(line for text in told for line in text.splitlines() if line.startswith("Model:"))
    parts = (request.model_dump_json(), *cards, mps_state(), version("torch"), version("raysat"))
    return cache_folder() / "gpus" / f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}.json"
