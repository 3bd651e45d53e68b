"""How patches are laid out and computed with on a device; the same for classifiers and GANs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn

from raysat.errors import UsageError
from raysat.formatting import echo

EVALUATION_BATCH: Final = 256  # patches without gradients: fills a GPU, and fits on one beside a training
_OF_2D, _OF_3D = 4, 5  # dimensions of a convolution's weights


def default_device() -> torch.device:
    """Return the current CUDA device, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(device: torch.device | str) -> torch.device:
    """The device, which is there. Raises UsageError."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch's own, by kind of device
        cause = str(error).splitlines()[0]
        raise UsageError(
            f"device {echo(str(device))} cannot be used: {cause}", hint="such as 'cpu', or 'cuda'"
        ) from None


def current(device: torch.device) -> AbstractContextManager[Any]:
    """Make a CUDA device the current one, whose streams are meant where none is said; nothing for others."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def channels_last(patches_BCHW: Tensor) -> Tensor:
    """Return patches in the memory layout that cuDNN's and oneDNN's convolutions are fastest with."""
    return patches_BCHW.contiguous(memory_format=torch.channels_last)


def network_channels_last(network: nn.Module) -> nn.Module:
    """Lay a network's weights out likewise, in place; those of 3-d convolutions, which have no such layout, stay."""
    tensors = [*network.parameters(), *network.buffers()]
    if all(tensor.dim() != _OF_3D for tensor in tensors):
        return network.to(memory_format=torch.channels_last)
    for tensor in tensors:
        if tensor.dim() == _OF_2D:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return network


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision for training: bfloat16 on CUDA, which needs no loss scaling; float32 elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def full_precision() -> AbstractContextManager[None]:
    """Float32 without TF32, for evaluation: near ties would flip, so that devices disagree."""
    context: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return context
