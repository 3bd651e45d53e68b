"""Weights as safetensors: tensors by name, and nothing that could be executed."""

from __future__ import annotations

from pathlib import Path

import safetensors
from safetensors.torch import load, save
from torch import Tensor

from raysat.errors import StorageError
from raysat.inference.classifier import Classifier


def weights_name(seed: int) -> str:
    """The file of a seed."""
    return f"weights-seed{seed}.safetensors"


def write_weights(model: Classifier, path: Path) -> None:
    """Write a network's weights, in the usual memory layout. Raises OSError."""
    state = {name: value.detach().cpu().clone().contiguous() for name, value in model.network.state_dict().items()}
    with path.open("xb") as file:
        file.write(save(state, metadata={"format": "pt"}))  # as others look for


def decode_weights(content: bytes, source: object) -> dict[str, Tensor]:
    """Read the bytes of such a file; ``source`` names it in errors. Raises StorageError where they are none."""
    try:
        return load(content)
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        cause = str(error).partition("\n")[0]
        raise StorageError(f"{source} holds no weights: {cause}", hint="export the model again") from error
