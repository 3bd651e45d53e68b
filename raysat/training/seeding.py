"""Randomness by purpose: every random decision of a trial comes from (seed, what for, which epoch), and nothing else.

Two arms with one seed therefore see the same patches in the same order, whatever else differs between them, and start
from the same weights where the shapes of these are equal: seeds are blocks. (Another number of bands has another first
layer, and the layers drawn after it then differ too.) An epoch's draws need no state from the epochs before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive(seed: int, *purpose: str | int) -> int:
    """Return a 64-bit seed for one purpose: the head of the SHA-256 of ``seed/purpose/...``."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random generator of one purpose; it lives on the host, so every device sees the same numbers."""
    return np.random.default_rng(derive(seed, *purpose))


@contextmanager
def reproducible(device: torch.device, seed: int, *purpose: str | int) -> Iterator[None]:
    """Run a block with torch's global generators seeded for one purpose (initial weights, dropout), then restore them.

    On the CPU, operations without a deterministic implementation are refused; on CUDA, cuDNN may pick its fastest.
    Torch would also fill all memory that it hands out, in case somebody reads it unwritten: 4 % of a step.
    """
    cuda, benchmark = device.type == "cuda", torch.backends.cudnn.benchmark
    strict, mode = torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.manual_seed(derive(seed, *purpose))
        try:
            # The same as torch.use_deterministic_algorithms, which imports torch's compiler, to tell it too.
            torch.set_deterministic_debug_mode("error" if strict or not cuda else "default")
            torch.utils.deterministic.fill_uninitialized_memory = fill and strict  # type: ignore[attr-defined]
            torch.backends.cudnn.benchmark = cuda
            yield
        finally:
            torch.set_deterministic_debug_mode(mode)
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
            torch.backends.cudnn.benchmark = benchmark
