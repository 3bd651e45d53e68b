"""The tests of the contract, each a function of a subject that raises where something does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.gradcheck import GradcheckError, gradcheck

from raysat.config.learning_rate import learning_rate
from raysat.config.schema import Trial
from raysat.errors import PluginError
from raysat.training.batch import views
from raysat.training.checkpoint import decode
from raysat.training.class_constants import class_constants
from raysat.training.contract import networks
from raysat.training.contract.findings import BrokenError
from raysat.training.contract.subject import CLASSES, SIDE, Subject, expect, other_global_numbers
from raysat.training.contract.watch import steps_watched
from raysat.training.loop import Training
from raysat.training.losses import patch_losses, posterior_logits
from raysat.training.patches import Scale
from raysat.training.results import TrialResult
from raysat.training.sampling import epoch_order
from raysat.training.seeding import generator
from raysat.training.step_inputs import Uniforms, to_device

_LABELS: Final = (0, 1, 2, 1, 0, 2)
_STEPS: Final = 3  # of an epoch of the schedule's test


def _logits(subject: Subject, count: int = len(_LABELS), *, spread: float = 2.0, **options: Any) -> torch.Tensor:
    values = np.random.default_rng(5).normal(size=(count, subject.scores)) * spread
    return torch.tensor(values, **{"dtype": torch.float32} | options)


# --- losses


def gradients(subject: Subject) -> None:
    """The gradient of each patch's loss is that of finite differences, and depends on no other patch."""
    labels = torch.tensor(_LABELS)

    def of(logits_BK: torch.Tensor) -> torch.Tensor:
        return subject.patch_losses(logits_BK, labels).double()

    # In float32, so that steps are large and tolerances wide: a wrong gradient is wrong by more.
    logits = _logits(subject, dtype=torch.float64, spread=0.5).requires_grad_()
    try:
        gradcheck(of, (logits,), eps=1e-3, atol=1e-2, rtol=2e-2)
    except GradcheckError as error:
        raise BrokenError(f"it is not that of finite differences: {str(error).splitlines()[0]}") from error
    jacobian_BBK = torch.autograd.functional.jacobian(of, logits)  # type: ignore[no-untyped-call]
    apart = jacobian_BBK * ~torch.eye(len(labels), dtype=torch.bool)[:, :, None]
    expect(not apart.any(), "the loss of a patch depends on the scores of other patches")


def extremes(subject: Subject) -> None:
    """Losses and gradients stay finite where scores are far apart."""
    far = torch.tensor([[1e3, -1e3, 0.0], [-1e3, 1e3, 0.0], [0.0, 0.0, 0.0]])
    _finite(subject, far[:, : subject.scores].clone().requires_grad_(), torch.tensor([0, 0, 2]))


def dtype(subject: Subject) -> None:
    """A loss is float32, whatever the scores are, and so are the logits of the posterior."""
    for given in (torch.float32, torch.bfloat16, torch.float64):
        logits = _logits(subject, dtype=given)
        for found in (subject.patch_losses(logits, torch.tensor(_LABELS)), posterior_logits(subject.config, logits)):
            expect(found.dtype == torch.float32, f"of {given} scores it gives {found.dtype}, not torch.float32")


def loss_device(subject: Subject) -> None:
    """Everything stays on the device of the scores; tried without one, by shapes alone."""
    with FakeTensorMode():
        logits = torch.empty(4, subject.scores, device="cuda", requires_grad=True)
        constants_RK = torch.ones(class_constants(subject.config.loss, subject.counts).shape, device="cuda")
        labels, weights_K = torch.zeros(4, dtype=torch.int64, device="cuda"), torch.ones(CLASSES, device="cuda")
        found = patch_losses(subject.config, logits, labels, constants_RK, weights_K)
        expect(found.device.type == "cuda", f"scores are on a GPU, the loss is on {found.device.type}")


def empty_class(subject: Subject) -> None:
    """A batch without any patch of a class trains all the same."""
    _finite(subject, _logits(subject, 4).requires_grad_(), torch.tensor([0, 1, 1, 0]))


def one_class(subject: Subject) -> None:
    """So does one of a single class, and of a single patch."""
    for count in (4, 1):
        _finite(subject, _logits(subject, count).requires_grad_(), torch.full((count,), 2))


def _finite(subject: Subject, logits_BK: torch.Tensor, labels_B: torch.Tensor) -> None:
    found = subject.patch_losses(logits_BK, labels_B)
    expect(bool(found.isfinite().all()), f"a loss is {found[~found.isfinite()][:1].tolist()}")
    (slope,) = torch.autograd.grad(found.sum(), logits_BK)
    expect(bool(slope.isfinite().all()), f"a gradient is {slope[~slope.isfinite()][:1].tolist()}")


# --- augmentations


def augment_device(subject: Subject) -> None:
    """Everything stays on the device of the patches; tried without one, by shapes alone."""
    augment = subject.config.augment
    options = getattr(augment, "plugin_method", None)
    if options is None:
        return  # raysat's own are tried on GPUs
    with FakeTensorMode():
        column = torch.ones(3, 1, 1, device="cuda")
        scale = Scale(mean=column, std=column, low=column, span=column)
        random_bR = torch.empty(4, options.options["randoms"])
        drawn = to_device(Uniforms(random_bR), torch.device("cuda"))
        found = views(augment, torch.empty(4, 3, SIDE, SIDE, device="cuda"), scale, drawn)
        expect(found.device.type == "cuda", f"patches are on a GPU, what is made of them on {found.device.type}")


# --- samplers


def positions(subject: Subject) -> None:
    """An epoch is as many positions as there are patches, each one of them, drawn from the given generator alone."""
    _order(subject, np.repeat(np.arange(CLASSES), subject.counts))


def sampler_empty_class(subject: Subject) -> None:
    """A class without a patch is drawn never, and is no error."""
    _order(subject, np.repeat(np.arange(CLASSES), (6, 0, 3)))


def sampler_one_class(subject: Subject) -> None:
    """One class is drawn alone."""
    _order(subject, np.zeros(8, dtype=np.int64))


def _order(subject: Subject, labels: Any) -> None:
    counts = np.bincount(labels, minlength=CLASSES)
    for epoch in range(2):
        drawn = []
        for number in range(2):
            with other_global_numbers(number):
                rng = generator(1, "order", epoch)
                drawn.append(epoch_order(subject.config.sampler, labels, counts, rng, epoch=epoch, epochs=2))
        expect(np.array_equal(drawn[0], drawn[1]), "equal generators draw other patches: it has other numbers, too")
        found = drawn[0]
        expect(found.shape == labels.shape, f"it draws {found.shape} of {labels.shape} patches")
        expect(bool((found >= 0).all() and (found < len(labels)).all()), "it draws patches that are not there")


# --- schedules


def rates(subject: Subject) -> None:
    """A step has one rate, whatever was asked before; it is finite and not below 0."""
    config = subject.config
    steps = range(config.optim.epochs * _STEPS)

    def rate(step: int) -> float:
        return learning_rate(config.schedule, config.optim, step=step, steps_per_epoch=_STEPS)

    with other_global_numbers(0):
        forwards = [rate(step) for step in steps]
    with other_global_numbers(1):
        backwards = [rate(step) for step in reversed(steps)][::-1]
    expect(forwards == backwards, "the rate of a step depends on what was asked before")
    expect(bool(np.isfinite(forwards).all()) and min(forwards) >= 0, f"a rate is {min(forwards)}")
    expect(max(forwards) > 0, "every rate is 0")


# --- all of them, in training


def several_workers(subject: Subject) -> None:
    """Two workers' shares of a batch make the step of one."""
    alone = subject.share(0, 1)
    shares = [subject.share(rank, 2) for rank in range(2)]
    for whole, *parts in zip(alone, *shares, strict=True):
        together = torch.stack(parts).mean(dim=0)
        close = torch.allclose(together, whole, rtol=1e-3, atol=1e-5)
        expect(close, "two workers take another step than one: it looks beyond each patch, or draws for itself")


def determinism(subject: Subject) -> None:
    """One seed trains the same weights twice, bit for bit."""
    _same(_trained(subject, 0), _trained(subject, 1), "one seed trains other weights each time")


def resumed(subject: Subject) -> None:
    """A training that goes on from a checkpoint equals one that was never interrupted, bit for bit."""
    _same(
        _trained(subject, 0), _trained(subject, 0, broken=True), "what goes on from a checkpoint trains other weights"
    )


def step_capture(subject: Subject) -> None:
    """A step looks at no number on the way, so that a CUDA graph can hold it."""
    with steps_watched():
        try:
            subject.resident_engine().train_epoch(0)
        except PluginError as error:
            if isinstance(error.__cause__, BrokenError):
                raise BrokenError(error.template.replace("BrokenError: ", "")) from None
            raise


def _trained(subject: Subject, numbers: int, *, broken: bool = False) -> TrialResult:
    with other_global_numbers(numbers):
        training = begin(subject)
        training.advance()
        if broken:
            state = training.state().encode()
            training = begin(subject)
            training.restore(decode(state))
        training.advance()
        return training.result()


def begin(subject: Subject) -> Training:
    """Begin to train the configuration."""
    return Training(Trial(config=subject.config, seed=3), subject.store, device=torch.device("cpu"))


def _same(one: TrialResult, other: TrialResult, fault: str) -> None:
    expect(one.probabilities.tobytes() == other.probabilities.tobytes(), fault)
    expect(all(torch.equal(value, other.state_dict[name]) for name, value in one.state_dict.items()), fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A test, and what it is called."""

    name: str
    test: Callable[[Subject], None]
    is_basis: bool = False  # where it does not hold, those after it would only say so again


_TRAINED: Final = (Check(name="determinism", test=determinism), Check(name="resumed", test=resumed))
CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {  # by section
    "loss": (
        Check(name="gradients", test=gradients),
        Check(name="extremes", test=extremes),
        Check(name="dtype", test=dtype),
        Check(name="device", test=loss_device),
        Check(name="empty class", test=empty_class),
        Check(name="one class", test=one_class),
        Check(name="several workers", test=several_workers),
        Check(name="step capture", test=step_capture),
        *_TRAINED,
    ),
    "augment": (
        Check(name="device", test=augment_device),
        Check(name="several workers", test=several_workers),
        Check(name="step capture", test=step_capture),
        *_TRAINED,
    ),
    "sampler": (
        Check(name="positions", test=positions),
        Check(name="empty class", test=sampler_empty_class),
        Check(name="one class", test=sampler_one_class),
        *_TRAINED,
    ),
    "schedule": (Check(name="rates", test=rates), *_TRAINED),
    "average": _TRAINED,
    "model": (
        Check(name="network", test=networks.built, is_basis=True),
        Check(name="gradients", test=networks.gradients),
        Check(name="dtype", test=networks.dtype),
        Check(name="device", test=networks.device),
        Check(name="bands and sizes", test=networks.bands_and_sizes),
        Check(name="evaluation", test=networks.evaluation),
        Check(name="one class", test=networks.one_class),
        Check(name="several workers", test=networks.several_workers),
        Check(name="step capture", test=step_capture),
        Check(name="first weights", test=networks.first_weights),
        Check(name="rebuilt", test=networks.rebuilt),
        *_TRAINED,
    ),
}
