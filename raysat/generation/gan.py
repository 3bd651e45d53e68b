"""Trains a DC-GAN on one class: plain PyTorch that reports as it goes and returns the patches it made.

The caller decides what to do with a report: save it, draw its samples, print it, or stop the training by an error. Only
train patches of the one class are ever trained on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.errors import DivergedError
from raysat.generation.check import check_generation
from raysat.generation.distances import mean_pairwise
from raysat.generation.engine import GanEngine, Images
from raysat.generation.quality import measure, normalised
from raysat.metrics.synthetic import Quality
from raysat.training.device import default_device
from raysat.training.models.build import cpu_state, parameter_count

COLLAPSED: Final = 0.5  # diversity under this: what some two different patches would have
SATURATED: Final = 6.0  # generator loss over this: the discriminator gives fakes a chance of 1 in 400
_REPORTS: Final = 32
_SHOWN: Final = 16  # patches in a report, and real ones beside them
_COMPARED: Final = 64  # patches that diversity is measured on


@dataclass(frozen=True, slots=True, kw_only=True)
class GanReport:
    """Training after a chunk of steps."""

    step: int  # 1-based, the chunk's last
    steps: int
    generator_loss: float  # mean over the chunk's steps
    discriminator_loss: float
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
    history: tuple[GanReport, ...]
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
    on_report: Callable[[GanReport], None] | None = None,
) -> Generated:
    """Train a DC-GAN on a class of a store; return it with the patches that it makes, and how good they are.

    Args:
        work: the class, its bands, how many patches to make, and the GAN's settings.
        store: the real patches.
        device: by default the current CUDA device, else the CPU, where equal work gives equal bits (per machine).
        on_report: called up to 32 times over the training; an error that it raises ends it.

    Raises:
        PlanError: the generator cannot be trained on this store (see ``check_generation``).
        DivergedError: a loss became NaN or infinite.
    """
    check_generation(work, store)
    started = time.perf_counter()
    device = device or default_device()
    engine = GanEngine(work, store, device)
    real = engine.real_samples(_COMPARED)
    history: list[GanReport] = []
    seconds = 0.0
    for chunk, steps in enumerate(_chunks(work.gan.steps)):
        generator_loss, discriminator_loss = engine.train(steps, chunk)
        if not (math.isfinite(generator_loss) and math.isfinite(discriminator_loss)):
            raise DivergedError(
                f"the DC-GAN of class {store.classes[work.label]!r} has a loss that is not finite by step "
                f"{engine.steps} of {work.gan.steps}, at learning rate {work.gan.lr:g}",
                hint="lower synthetic.lr",
            )
        generated = engine.make(_COMPARED)
        report = GanReport(
            step=engine.steps,
            steps=work.gan.steps,
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
        parameters=parameter_count(engine.generator),
        seconds=seconds + time.perf_counter() - started,
    )


def verdict(history: Sequence[GanReport]) -> str:
    """Say how a training failed without a number going wrong (Radford et al. 2016, section 6), or nothing."""
    end = history[-1]
    if end.diversity is not None and end.diversity < COLLAPSED:
        return f"collapsed: its patches differ {end.diversity:.2f} times as much as real ones do (under {COLLAPSED:g})"
    last = [report.generator_loss for report in history if report.step > 0.75 * end.steps]
    loss = sum(last) / len(last)
    if loss > SATURATED:
        return (
            f"saturated: the discriminator knew its patches, with a mean generator loss of {loss:.1f} over the last "
            f"quarter (over {SATURATED:g})"
        )
    return ""


def _chunks(steps: int) -> list[int]:
    """Cut training into up to 32 chunks that differ by a step at most."""
    count = min(_REPORTS, steps)
    return [steps * (k + 1) // count - steps * k // count for k in range(count)]


def _diversity(generated: Images, real: Images) -> float | None:
    base, other = (mean_pairwise(normalised(images, real)) for images in (real, generated))
    return other / base if base and other is not None else None
