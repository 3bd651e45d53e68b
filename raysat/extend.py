"""Methods of one's own: what a plugin imports to add a loss, sampler, augmentation, schedule, average or model.

A method is a class of settings and a function, put together by a decorator. ``docs/extend.md`` has examples;
``raysat check-plugin my_loss.py`` runs the tests that raysat's own methods pass; ``--plugin my_loss.py`` lets a study
name its ``kind``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from raysat.config import limits
from raysat.config.families.base import ByCounts, Concentration, Fraction, OpenFraction, Rate, Strength
from raysat.config.plugins.load import register
from raysat.config.plugins.settings import (
    AugmentSettings,
    AverageSettings,
    LossSettings,
    ModelSettings,
    PluginSettings,
    SamplerSettings,
    ScheduleSettings,
)
from raysat.formatting import echo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

__all__ = [
    "AugmentFunction",
    "AugmentSettings",
    "AverageFunction",
    "AverageSettings",
    "ByCounts",
    "Concentration",
    "Fraction",
    "LossFunction",
    "LossSettings",
    "ModelFunction",
    "ModelSettings",
    "OpenFraction",
    "PosteriorFunction",
    "Rate",
    "SamplerFunction",
    "SamplerSettings",
    "ScheduleFunction",
    "ScheduleSettings",
    "Strength",
    "augment",
    "average",
    "limits",
    "loss",
    "model",
    "sampler",
    "schedule",
]
_LossT_contra = TypeVar("_LossT_contra", bound=LossSettings, contravariant=True)
_SamplerT_contra = TypeVar("_SamplerT_contra", bound=SamplerSettings, contravariant=True)
_AugmentT_contra = TypeVar("_AugmentT_contra", bound=AugmentSettings, contravariant=True)
_ScheduleT_contra = TypeVar("_ScheduleT_contra", bound=ScheduleSettings, contravariant=True)
_AverageT_contra = TypeVar("_AverageT_contra", bound=AverageSettings, contravariant=True)
_ModelT_contra = TypeVar("_ModelT_contra", bound=ModelSettings, contravariant=True)
_F = TypeVar("_F", bound=Callable[..., Any])
_RANDOMS = 64  # numbers a patch: more is a random image, which belongs on the device


class LossFunction(Protocol[_LossT_contra]):
    """What a loss does: a number for each patch, which raysat weighs by class and averages over the batch."""

    def __call__(self, settings: _LossT_contra, logits_BK: Tensor, labels_B: Tensor, counts_K: Tensor, /) -> Tensor:
        """Return the loss of each patch, float32 (B,), before it is weighted.

        Args:
            settings: of the study.
            logits_BK: the classifier's scores, float32; cosines are multiplied by 30 before.
            labels_B: int64, in [0, K).
            counts_K: training patches of each class, float32, none zero.
        """


class PosteriorFunction(Protocol[_LossT_contra]):
    """What a trained model's scores mean, where their softmax is not the posterior that the loss is trained for."""

    def __call__(self, settings: _LossT_contra, logits_BK: Tensor, /) -> Tensor:
        """Return logits (B, K), float32, whose softmax is the posterior, of the scores that the loss gets."""


class SamplerFunction(Protocol[_SamplerT_contra]):
    """What a sampler does: which patches an epoch sees, and in which order."""

    def __call__(
        self,
        settings: _SamplerT_contra,
        labels_N: npt.NDArray[Any],
        counts_K: npt.NDArray[Any],
        rng: np.random.Generator,
        /,
        *,
        epoch: int,
        epochs: int,
    ) -> npt.NDArray[np.int64]:
        """Return N positions in [0, N), int64.

        Args:
            settings: of the study.
            labels_N: class of each training patch.
            counts_K: training patches of each class, generated ones included unless the study counts real ones.
            rng: the one source of randomness.
            epoch: 0-based.
            epochs: of the training.
        """


class AugmentFunction(Protocol[_AugmentT_contra]):
    """What an augmentation does to the patches of a batch, by numbers that were drawn for each."""

    def __call__(self, settings: _AugmentT_contra, patches_BCHW: Tensor, random_BR: Tensor, /) -> Tensor:
        """Return patches of the same shape and type.

        Args:
            settings: of the study.
            patches_BCHW: float32, normalised: in each band the mean is 0, the standard deviation 1.
            random_BR: float32, uniform in [0, 1), as many a patch as the decorator says: the one source of randomness.
        """


class ScheduleFunction(Protocol[_ScheduleT_contra]):
    """What a schedule does: the learning rate of a step, by the step alone."""

    def __call__(
        self, settings: _ScheduleT_contra, step: int, steps: int, /, *, steps_per_epoch: int, lr: float
    ) -> float:
        """Return the learning rate of a step.

        Args:
            settings: of the study.
            step: 0-based, over the whole training.
            steps: of the whole training.
            steps_per_epoch: batches of an epoch.
            lr: the optimiser's rate.
        """


class AverageFunction(Protocol[_AverageT_contra]):
    """What an average does: how much the weights after an epoch count in their average."""

    def __call__(self, settings: _AverageT_contra, epoch: int, epochs: int, /) -> float:
        """Return a weight from 0 on, by these alone; those of all epochs are scaled to add up to one.

        Args:
            settings: of the study.
            epoch: 1-based, which has just ended.
            epochs: of the training.
        """


class ModelFunction(Protocol[_ModelT_contra]):
    """What a model does: it makes a network."""

    def __call__(self, settings: _ModelT_contra, /, *, bands: int, classes: int, size: tuple[int, int]) -> nn.Module:
        """Return a network of patches (B, bands, H, W), float32, normalised, to scores (B, classes): logits.

        Its weights are drawn from torch's global generator, which is seeded by the trial.

        Args:
            settings: of the study.
            bands: channels of a patch.
            classes: scores to return.
            size: height and width of a patch, pixels.
        """


def loss(
    settings: type[_LossT_contra], *, posterior: PosteriorFunction[_LossT_contra] | None = None
) -> Callable[[LossFunction[_LossT_contra]], LossFunction[_LossT_contra]]:
    """Make a function a loss: ``@loss(MyLoss)``. ``posterior`` says what scores mean, where their softmax does not."""
    return _decorator(settings, LossSettings, posterior=posterior)


def sampler(
    settings: type[_SamplerT_contra],
) -> Callable[[SamplerFunction[_SamplerT_contra]], SamplerFunction[_SamplerT_contra]]:
    """Make a function a sampler: ``@sampler(MySampler)``."""
    return _decorator(settings, SamplerSettings)


def augment(
    settings: type[_AugmentT_contra], *, randoms: int
) -> Callable[[AugmentFunction[_AugmentT_contra]], AugmentFunction[_AugmentT_contra]]:
    """Make a function an augmentation that gets so many random numbers a patch: ``@augment(MyAugment, randoms=2)``."""
    if type(randoms) is not int or not 0 <= randoms <= _RANDOMS:
        raise ValueError(f"randoms must be a whole number from 0 to {_RANDOMS}, got {echo(randoms)}")
    return _decorator(settings, AugmentSettings, randoms=randoms)


def schedule(
    settings: type[_ScheduleT_contra],
) -> Callable[[ScheduleFunction[_ScheduleT_contra]], ScheduleFunction[_ScheduleT_contra]]:
    """Make a function a schedule: ``@schedule(MySchedule)``."""
    return _decorator(settings, ScheduleSettings)


def average(
    settings: type[_AverageT_contra],
) -> Callable[[AverageFunction[_AverageT_contra]], AverageFunction[_AverageT_contra]]:
    """Make a function a readout: ``@average(MyAverage)``."""
    return _decorator(settings, AverageSettings)


def model(
    settings: type[_ModelT_contra],
) -> Callable[[ModelFunction[_ModelT_contra]], ModelFunction[_ModelT_contra]]:
    """Make a function a model: ``@model(MyModel)``."""
    return _decorator(settings, ModelSettings)


def _decorator(settings: Any, kind: type[PluginSettings], **options: Any) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        if not isinstance(settings, type) or not issubclass(settings, kind):
            raise TypeError(f"{getattr(settings, '__name__', echo(settings))} must derive from {kind.__name__}")
        register(settings, function, options)
        return function

    return decorate


def __getattr__(name: str) -> NoReturn:
    """Say of a family that is closed that it is."""
    if name.lower().removesuffix("settings") in ("optim", "readout", "reweight", "synthetic"):
        what = "plugins add losses, samplers, augmentations, schedules, averages and models"
        raise NotImplementedError(f"raysat.extend has no {name}: {what}")
    raise AttributeError(f"module 'raysat.extend' has no attribute {name!r}")
