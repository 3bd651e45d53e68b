"""The ways to take a step of several seeds in one process: CUDA branches, ``torch.func.vmap``, grouped convolutions.

Each does what raysat's plain step does (forward, cross entropy, backward, Adam), on a constant batch for each seed, and
works on the same memory each time, so that a CUDA graph can hold it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from gpu import DEVICE, ON_GPU, Case, synchronize
from torch import Tensor, nn

from raysat.training import optimizers
from raysat.training.device import autocast, channels_last
from raysat.training.graphs import Replay
from raysat.training.models import build as models
from seeding.fusing import fuse

BANDS: Final = 11
CLASSES: Final = 4
SIZE: Final = (65, 65)


@dataclass(frozen=True, slots=True)
class Arm:
    """What all seeds train; ``precise``: in float32 on every device."""

    case: Case
    precise: bool = False

    def network(self, seed: int) -> nn.Module:
        """A seed's network at its start."""
        torch.manual_seed(seed)
        network = models.build(self.case.config.model, bands=BANDS, classes=CLASSES, size=SIZE)
        return network.to(DEVICE).to(memory_format=torch.channels_last)

    def batch(self, seed: int) -> tuple[Tensor, Tensor]:
        """A seed's patches (B, C, H, W) and labels (B,)."""
        rng = torch.Generator().manual_seed(1000 + seed)
        patches_BCHW = torch.randn(self.case.batch, BANDS, *SIZE, generator=rng)
        labels_B = torch.randint(0, CLASSES, (self.case.batch,), generator=rng)
        return channels_last(patches_BCHW.to(DEVICE)), labels_B.to(DEVICE)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Adam as raysat builds it."""
        return optimizers.build(self.case.config.optim, network)

    def precision(self) -> AbstractContextManager[object]:
        """That of a forward pass: as raysat trains, bfloat16 on CUDA."""
        return nullcontext() if self.precise else autocast(DEVICE)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Several seeds in training."""

    function: Callable[[], None]  # takes a step of each
    losses: Tensor  # (K,), of the last step
    statistics: Callable[[], Tensor]  # (K, D): batch norm's running means and variances
    replay: Replay = field(default_factory=lambda: Replay(eager=not ON_GPU))

    def step(self) -> None:
        """Take a step of each seed; on a GPU the second is recorded, and replayed from then on."""
        self.replay(self.function)


Way = Callable[[Arm, Sequence[int]], Seeds]
Run = Callable[[int], None]  # takes so many steps of every seed, and waits for them


def warm(way: Way, arm: Arm, seeds: Sequence[int]) -> Seeds:
    """Return seeds in training whose next step is as fast as all that follow."""
    torch.backends.cudnn.benchmark = ON_GPU
    training = way(arm, seeds)
    for _ in range(3 if ON_GPU else 1):  # launched, recorded, replayed
        training.step()
    synchronize()
    return training


def branches(arm: Arm, seeds: Sequence[int]) -> Seeds:
    """Networks of their own: parallel branches of one CUDA graph; on the CPU one after the other."""
    networks = [arm.network(seed) for seed in seeds]
    members = [
        (network, arm.optimizer(network), *arm.batch(seed)) for network, seed in zip(networks, seeds, strict=True)
    ]
    losses_K = torch.zeros(len(seeds), device=DEVICE)

    def step() -> None:
        for number, (network, optimizer, patches_BCHW, labels_B) in enumerate(members):
            with _forked(number):
                with arm.precision():
                    logits_BO = network(patches_BCHW)
                loss = F.cross_entropy(logits_BO.float(), labels_B)
                _update(loss[None], optimizer, losses_K[number : number + 1])
        _join(len(members))

    return Seeds(step, losses_K, lambda: torch.stack([statistics(network.named_buffers())[0] for network in networks]))


def vmapped(arm: Arm, seeds: Sequence[int]) -> Seeds:
    """One network's forward pass mapped over stacked weights.

    The buffers are mapped over too, so that each seed's batch norm updates its own running statistics in place.
    """
    networks = [arm.network(seed) for seed in seeds]
    stacked, buffers = torch.func.stack_module_state(networks)
    weights: dict[str, Tensor] = {name: nn.Parameter(_laid_out(value.detach())) for name, value in stacked.items()}
    skeleton = copy.deepcopy(networks[0]).to("meta")
    optimizer = arm.optimizer(nn.ParameterList(weights.values()))
    patches_BCHW, labels_KB = _side_by_side(arm, seeds)
    patches_BKCHW = patches_BCHW.view(len(patches_BCHW), len(seeds), BANDS, *SIZE)
    losses_K = torch.zeros(len(seeds), device=DEVICE)

    def logits(weights: dict[str, Tensor], buffers: dict[str, Tensor], patches_BCHW: Tensor) -> Tensor:
        scores: Tensor = torch.func.functional_call(skeleton, (weights, buffers), (patches_BCHW,))
        return scores

    def step() -> None:
        with arm.precision():
            logits_KBO = torch.func.vmap(logits, in_dims=(0, 0, 1))(weights, buffers, patches_BKCHW)
        _update(_losses(logits_KBO, labels_KB), optimizer, losses_K)

    return Seeds(step, losses_K, lambda: statistics(buffers.items(), len(seeds)))


def grouped(arm: Arm, seeds: Sequence[int]) -> Seeds:
    """One network of grouped convolutions (``fusing.py``), in the layout that raysat trains in."""
    return _grouped(arm, seeds, torch.channels_last)


def grouped_nchw(arm: Arm, seeds: Sequence[int]) -> Seeds:
    """The same in torch's usual layout."""
    return _grouped(arm, seeds, torch.contiguous_format)


def _grouped(arm: Arm, seeds: Sequence[int], layout: torch.memory_format) -> Seeds:
    network = fuse([arm.network(seed) for seed in seeds]).to(memory_format=layout)
    optimizer = arm.optimizer(network)
    patches_BCHW, labels_KB = _side_by_side(arm, seeds)
    patches_BCHW = patches_BCHW.contiguous(memory_format=layout)
    losses_K = torch.zeros(len(seeds), device=DEVICE)

    def step() -> None:
        with arm.precision():
            logits_BO = network(patches_BCHW)
        _update(_losses(logits_BO.unflatten(1, (len(seeds), CLASSES)).transpose(0, 1), labels_KB), optimizer, losses_K)

    return Seeds(step, losses_K, lambda: statistics(network.named_buffers(), len(seeds)))


WAYS: Final[dict[str, Way]] = {
    "branches": branches,
    "vmap": vmapped,
    "grouped": grouped,
    "grouped-nchw": grouped_nchw,
}


def _side_by_side(arm: Arm, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Patches (B, K*C, H, W) and labels (K, B) of some seeds."""
    patches, labels = zip(*map(arm.batch, seeds), strict=True)
    return torch.cat(patches, dim=1), torch.stack(labels)


def _laid_out(value: Tensor) -> Tensor:
    """Stacked weights, those of convolutions channels-last as vmap will hand them on: as (K*O, I, H, W)."""
    return channels_last(value.flatten(0, 1)).view_as(value) if value.dim() == 5 else value


def _losses(logits_KBO: Tensor, labels_KB: Tensor) -> Tensor:
    each = F.cross_entropy(logits_KBO.float().flatten(0, 1), labels_KB.flatten(), reduction="none")
    return each.view_as(labels_KB).mean(dim=1)


def _update(losses_K: Tensor, optimizer: torch.optim.Optimizer, kept_K: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(losses_K.sum())
    optimizer.step()
    kept_K.copy_(losses_K.detach())


def statistics(buffers: Iterable[tuple[str, Tensor]], count: int = 1) -> Tensor:
    """Running means and variances (K, D), of buffers that hold those of K networks one after another."""
    return torch.cat([value.reshape(count, -1) for name, value in buffers if "running" in name], dim=1).cpu()


@cache
def _stream(number: int) -> torch.cuda.Stream:  # noqa: ARG001
    """One stream for each branch, the same in all recordings: CUDA has few."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


@contextmanager
def _forked(number: int) -> Iterator[None]:
    """Launch a block on a branch's stream, after what was launched on the current one; backward follows forward."""
    if not ON_GPU:
        yield
        return
    _stream(number).wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(_stream(number)):
        yield


def _join(count: int) -> None:
    """Launch what follows after all branches."""
    for number in range(count if ON_GPU else 0):
        torch.cuda.current_stream().wait_stream(_stream(number))
