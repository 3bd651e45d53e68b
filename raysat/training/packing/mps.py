"""Whether NVIDIA's Multi-Process Service runs: with it, processes compute on a card at one time, else in turns."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, Literal

Mps = Literal["on", "off", "absent"]  # off: installed here, and not running

_PIPES: Final = "/tmp/nvidia-mps"  # noqa: S108  (where its daemon has its pipes, unless it is told otherwise)
START_MPS: Final = "nvidia-cuda-mps-control -d"


def mps_state() -> Mps:
    """Look where CUDA would for its daemon's pipe, and for its program."""
    if (Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", _PIPES)) / "control").exists():
        return "on"
    return "off" if shutil.which(START_MPS.split()[0]) else "absent"
