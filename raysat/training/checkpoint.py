"""All that a training carries from one epoch to the next, as typed values and as the bytes of a checkpoint."""

from __future__ import annotations

import io
import pickle
from typing import Annotated, Any, Final

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from raysat.errors import TrainingError
from raysat.training.results import EpochReport

_MODEL: Final = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
# What ``torch.load`` raises on bytes that are no checkpoint, or that hold more than tensors and plain values.
_BAD: Final = (AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError)
_Count = Annotated[int, Field(ge=0, strict=True)]


class AverageState(BaseModel):
    """A running average of weights. Buffers are made at the end."""

    model_config = _MODEL

    updates: _Count
    weights: dict[str, Tensor]  # by parameter


class TrainingState(BaseModel):
    """A training after an epoch; tensors are live, not copies."""

    model_config = _MODEL

    epoch: _Count  # epochs done
    samples_seen: _Count
    network: dict[str, Tensor]
    optimizer: dict[str, Any]  # its own ``state_dict``
    averages: dict[str, AverageState]  # by ``average_id``
    history: tuple[EpochReport, ...]

    def encode(self) -> bytes:
        """Return it as the bytes of a checkpoint: tensors and plain values alone, so that reading them is safe."""
        buffer = io.BytesIO()
        torch.save(self.model_dump(), buffer)
        return buffer.getvalue()


def decode(content: bytes) -> TrainingState:
    """Read a checkpoint, its tensors on the CPU.

    Raises:
        TrainingError: it is damaged, of another raysat or torch, or holds more than tensors and plain values.
    """
    try:
        return TrainingState.model_validate(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise TrainingError(f"the checkpoint is not one of this raysat: {place}: {first['msg']}") from None
    except _BAD as error:
        raise TrainingError(f"the checkpoint cannot be read: {str(error).partition(chr(10))[0]}") from None
