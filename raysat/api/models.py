"""Models that were handed on, read back."""

from __future__ import annotations

import torch

from raysat.config.arguments import checked
from raysat.files import AnyPath, as_path
from raysat.inference.export.read import LoadedModel, read_model
from raysat.training.device import default_device, usable_device


@checked
def load_model(path: AnyPath | str, *, device: torch.device | str | None = None) -> LoadedModel:
    """Read an exported model: its hashes are checked, and nothing in it is executed.

    Args:
        path: the folder that ``export`` wrote, or its URL.
        device: where it is to compute; by default the current CUDA device, else the CPU.

    Returns:
        The model; ``predict(patches)`` gives the run's probabilities.

    Raises:
        DataError: the folder is no exported model.
        StorageError: a file is missing, or not what was written.
        UsageError: the device cannot be used.
    """
    return read_model(as_path(path), default_device() if device is None else usable_device(device))
