"""A training's state in host memory, apart from the live one, so that it can be saved while training goes on.

On the CPU tensors are cloned. On CUDA they are copied into pinned memory by a stream of their own: the host does not
wait, and the training's stream waits for the copies alone, before its next step changes what they read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from raysat.training.checkpoint import TrainingState


@dataclass(slots=True)
class HostCopy:
    """A copy of a state, perhaps still under way."""

    epoch: int
    nbytes: int = 0  # of its tensors
    _state: TrainingState = field(init=False)
    _live: list[Tensor] = field(default_factory=list)  # kept until they are copied
    _copied: torch.cuda.Event | None = None

    @classmethod
    def of(cls, state: TrainingState) -> HostCopy:
        """Begin to copy a state; train no step between asking for the state and this."""
        copy = cls(epoch=state.epoch)
        device = next((value.device for value in state.network.values() if value.is_cuda), None)
        if device is None:
            copy._state = copy._copy(state)
            return copy
        current, side = torch.cuda.current_stream(device), _side_stream(device)
        side.wait_stream(current)
        with torch.cuda.stream(side):
            copy._state = copy._copy(state)
        copy._copied = side.record_event()
        current.wait_event(copy._copied)
        return copy

    def state(self) -> TrainingState:
        """The copy, once it is whole; from any thread."""
        if self._copied is not None:
            self._copied.synchronize()
        self._live.clear()
        return self._state

    def _copy(self, state: TrainingState) -> TrainingState:
        averages = {
            name: average.model_copy(update={"weights": self._copied_values(average.weights)})
            for name, average in state.averages.items()
        }
        copied = {"network": self._copied_values(state.network), "optimizer": self._copied_values(state.optimizer)}
        return state.model_copy(update={**copied, "averages": averages})

    def _copied_values(self, value: Any) -> Any:
        """A copy of nested dictionaries and lists, with their tensors in host memory."""
        if isinstance(value, dict):
            return {key: self._copied_values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._copied_values(item) for item in value]
        return self._copied_tensor(value.detach()) if isinstance(value, Tensor) else value

    def _copied_tensor(self, live: Tensor) -> Tensor:
        self.nbytes += live.nbytes
        if not live.is_cuda:
            return live.clone()
        self._live.append(live)
        return torch.empty_like(live, device="cpu", pin_memory=True).copy_(live, non_blocking=True)


_streams: dict[torch.device, torch.cuda.Stream] = {}


def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream of a device that copies."""
    if device not in _streams:
        _streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return _streams[device]
