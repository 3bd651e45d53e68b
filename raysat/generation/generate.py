"""Trains a generator on one class: plain PyTorch that reports as it goes and returns the patches it made.

The caller decides what to do with a report: save it, draw its samples, print it, or stop the training by an error. Only
train patches of the one class are ever trained on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import torch
from torch import Tensor

from raysat.config.families.synthetic import Dcgan, Flow
from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.generation.check import check_generation
from raysat.generation.dcgan.engine import GanEngine
from raysat.generation.distances import mean_pairwise
from raysat.generation.engine import Engine, Images
from raysat.generation.flow.engine import FlowEngine
from raysat.generation.quality import measure, normalised
from raysat.metrics.synthetic import Quality
from raysat.training.device import default_device
from raysat.training.models.build import cpu_state, parameter_count

COLLAPSED: Final = 0.5  # diversity under this: what some two different patches would have
SATURATED: Final = 6.0  # generator loss over this: the discriminator gives fakes a chance of 1 in 400
_REPORTS: Final = {"dcgan": 32, "flow": 6}  # a report's patches cost a flow as much as ten of its steps
_SHOWN: Final = 16  # patches in a report, and real ones beside them
_COMPARED: Final = 64  # patches that diversity is measured on


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Training after a chunk of steps."""

    step: int  # 1-based, the chunk's last
    steps: int
    generator_loss: float  # mean over the chunk's steps
    discriminator_loss: float | None  # a flow has none
    seconds: float  # wall time of this chunk, samples included
    samples_seen: int  # real patches shown so far
    diversity: float | None  # mean pairwise difference over that of real patches; None where that is 0
    samples: Images  # (n, C, H, W) in the store's type, of the same latents in each report


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A trained generator and what it made."""

    label: int
    images: Images  # (N, C, H, W) in the store's type and units
    real_samples: Images  # real train patches to draw beside
    history: tuple[Report, ...]
    collapsed: bool
    note: str  # why, or empty
    quality: Quality
    state_dict: dict[str, Tensor]  # of the averaged generator, on the CPU
    parameters: int  # of the generator
    seconds: float  # training and quality, without what the caller took between reports


def generate(
    work: Generation,
    store: PatchStore,
    *,
    device: torch.device | None = None,
    on_report: Callable[[Report], None] | None = None,
) -> Generated:
    """Train a generator on a class of a store; return it with the patches that it makes, and how good they are.

    Args:
        work: the class, its bands, how many patches to make, and the generator's settings.
        store: the real patches.
        device: by default the current CUDA device, else the CPU, where equal work gives equal bits (per machine).
        on_report: called up to 32 times over the training of a DC-GAN, 6 of a flow; an error that it raises ends it.

    Raises:
        PlanError: the generator cannot be trained on this store (see ``check_generation``).
        DivergedError: a loss or a patch became NaN or infinite.
    """
    check_generation(work, store)
    started = time.perf_counter()
    device = device or default_device()
    engine, settings = _engine(work, store, device), work.generator
    real = engine.real_samples(_COMPARED)
    history: list[Report] = []
    seconds = 0.0
    for chunk, steps in enumerate(_chunks(settings.steps, _REPORTS[settings.kind])):
        generator_loss, discriminator_loss = engine.train(steps, chunk)
        if not all(math.isfinite(loss) for loss in (generator_loss, discriminator_loss) if loss is not None):
            raise engine.diverged("a loss")
        generated = engine.make(_COMPARED)
        report = Report(
            step=engine.steps,
            steps=settings.steps,
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            seconds=time.perf_counter() - started,
            samples_seen=engine.samples_seen,
            diversity=_diversity(generated, real),
            samples=generated[:_SHOWN],
        )
        history.append(report)
        seconds += report.seconds
        if on_report is not None:
            on_report(report)
        started = time.perf_counter()
    images = engine.make(work.patches)
    note = verdict(history)
    return Generated(
        label=work.label,
        images=images,
        real_samples=engine.real_samples(_SHOWN),
        history=tuple(history),
        collapsed=bool(note),
        note=note,
        quality=measure(images, store, label=work.label, bands=work.bands, device=device),
        state_dict=cpu_state(engine.average.network),
        parameters=parameter_count(engine.network),
        seconds=seconds + time.perf_counter() - started,
    )


def _engine(work: Generation, store: PatchStore, device: torch.device) -> Engine:
    match work.generator:
        case Dcgan() as gan:
            return GanEngine(work, gan, store, device)
        case Flow() as flow:
            return FlowEngine(work, flow, store, device)
        case _:
            assert_never(work.generator)


def verdict(history: Sequence[Report]) -> str:
    """Say how a training failed without a number going wrong (Radford et al. 2016, section 6), or nothing."""
    end = history[-1]
    if end.diversity is not None and end.diversity < COLLAPSED:
        return f"collapsed: its patches differ {end.diversity:.2f} times as much as real ones do (under {COLLAPSED:g})"
    last = [report.generator_loss for report in history if report.step > 0.75 * end.steps]
    loss = sum(last) / len(last)
    if end.discriminator_loss is not None and loss > SATURATED:
        return (
            f"saturated: the discriminator knew its patches, with a mean generator loss of {loss:.1f} over the last "
            f"quarter (over {SATURATED:g})"
        )
    return ""


def _chunks(steps: int, most: int) -> list[int]:
    """Cut training into chunks that differ by a step at most."""
    count = min(most, steps)
    return [steps * (k + 1) // count - steps * k // count for k in range(count)]


def _diversity(generated: Images, real: Images) -> float | None:
    base, other = (mean_pairwise(normalised(images, real)) for images in (real, generated))
    return other / base if base and other is not None else None
