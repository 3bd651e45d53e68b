"""Refuse what cannot train on a store, before anything starts; imports no torch, so it is instant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from raysat.config.families.images import BandDropout
from raysat.config.families.learning import Swa
from raysat.config.families.ordinal import Coral
from raysat.config.families.reweight import Drw, InfluenceBalanced
from raysat.config.families.samplers import Drs
from raysat.config.families.schedules import Constant, Cosine, ExpRange, MultiStep, OneCycle, Triangular, Triangular2
from raysat.config.families.synthetic import Dcgan, Flow, NoSynthetic
from raysat.config.heads import has_class_scores
from raysat.config.milestones import defer_until, epoch_at, snapshot_epochs, steps_per_epoch, warmup_steps
from raysat.config.plugins.settings import AverageSettings, ModelSettings
from raysat.config.schema import Config, Model
from raysat.config.snapshot_weights import snapshot_weights
from raysat.data.bands import resolve
from raysat.data.store import SPLITS, PatchStore, Split
from raysat.data.weights.fit import check_units, map_bands, units
from raysat.data.weights.source import Source
from raysat.errors import PlanError
from raysat.training.check_second_stage import check_second_stage
from raysat.training.models.names import check_model
from raysat.training.readout.check import check_readout


def band_positions(config: Config, store: PatchStore) -> tuple[int, ...]:
    """Positions in the store of the bands that a configuration names. Raises BandError for one it does not hold."""
    names = resolve(config.data.bands, available=store.bands, sensor=store.sensor, drop=config.data.drop)
    return tuple(store.bands.index(name) for name in names)


def evaluation_splits(store: PatchStore) -> tuple[Split, ...]:
    """Splits to evaluate on that a store has patches of; epochs are validated on the first: val, or test without it."""
    return tuple(split for split in SPLITS[1:] if store.counts(split).any())


def check(config: Config, store: PatchStore) -> None:
    """Refuse what cannot train, and what would train as if a method that it names were not there.

    Raises:
        BandError: a band or composite that the store does not hold, or none left.
        PlanError: a model that timm does not know, a loss that its last layer does not go with, weights of another
            architecture or other units, a method whose point in training is never reached, fewer than two classes, a
            class without training patch, a batch larger than the train split, nothing to evaluate on, bands left out of
            a single one, a second stage that could not go on from the first, a readout that this store or model does
            not allow.
        PluginError: a plugin's model by the name of one of timm's.
    """
    check_model(config.model)
    _check_head(config)
    _check_influence(config)
    _check_points(config)
    check_second_stage(config)
    _check_store(config, store)
    check_readout(config, store)
    _check_weights(config, store)


def _check_head(config: Config) -> None:
    """Refuse CORAL where scores cannot share their weights."""
    if not isinstance(config.loss, Coral):
        return
    if isinstance(config.model, ModelSettings):
        raise PlanError(
            f"loss: coral needs scores that share their weights, which the network of the plugin {config.model.kind} "
            "does not know of",
            hint="choose a model of timm, or another loss, such as corn",
        )
    if config.model.classifier == "cosine":
        raise PlanError(
            "loss: coral has one score of a patch and borders on it, which model.classifier: cosine would keep within "
            "-1 and 1",
            hint="set model.classifier: linear, or choose another loss, such as corn",
        )


def _check_weights(config: Config, store: PatchStore) -> None:
    """Refuse weights of another architecture, or that know other bands or units than the store's."""
    model = config.model
    if not isinstance(model, Model) or model.weights is None:
        return
    about = Source.of(model.weights).about
    if about.model not in (None, model.name):
        raise PlanError(
            f"model.weights are those of a {about.model}, and model.name is {model.name!r}",
            hint=f"set model.name: {about.model}, or choose other weights",
        )
    positions = band_positions(config, store)
    names = [store.bands[position] for position in positions]
    sources = map_bands(about, bands=names, sensor=store.sensor).sources
    if model.weights_scale != "standardised":
        stats = [store.stats[position] for position in positions]
        mean, std = [each.mean for each in stats], [each.spread for each in stats]
        check_units(*units(about, sources, mean=mean, std=std, scale=model.weights_scale))


def _check_influence(config: Config) -> None:
    """Refuse to balance an influence that is not that of a score for each class on features that are known."""
    if not isinstance(config.reweight, InfluenceBalanced):
        return
    if isinstance(config.model, ModelSettings):
        raise PlanError(
            f"reweight: influence_balanced needs the features before the classifier, and model: {config.model.kind} is "
            "a plugin's, which does not say what they are",
            hint="choose a model of timm, or another reweight",
        )
    if not has_class_scores(config.loss):
        raise PlanError(
            f"reweight: influence_balanced is of a score for each class, which a network with loss: {config.loss.kind} "
            "does not give",
            hint="choose another loss, or another reweight",
        )


def _check_points(config: Config) -> None:
    epochs = config.optim.epochs
    match config.schedule:
        case (Triangular() | Triangular2() | ExpRange()) as cyclic if cyclic.step_epochs > epochs:
            raise PlanError(
                f"schedule.step_epochs is {cyclic.step_epochs:g}, but optim.epochs is {epochs}: the learning rate "
                "would never reach schedule.max_lr",
                hint=f"set schedule.step_epochs to {epochs} or less, "
                f"or optim.epochs to {math.ceil(cyclic.step_epochs)} or more",
            )
        case MultiStep(milestones=(first, *_)) if epoch_at(first, epochs) == 0:
            raise PlanError(
                f"schedule.milestones begin at {first:g} of training, within the first of {epochs} epochs: the "
                "learning rate would be lowered before it was used",
                hint=f"set optim.epochs to {math.ceil(1 / first)} or more, or a later first milestone",
            )
    if isinstance(config.average, Swa) and (snapshots := len(snapshot_epochs(config.average, epochs))) < 2:
        raise PlanError(
            f"average.start {config.average.start:g} with optim.epochs {epochs} takes {snapshots} snapshot: there is "
            "nothing to average",
            hint="lower average.start, or train more epochs" if epochs > 1 else "set optim.epochs to 2 or more",
        )
    if isinstance(config.average, AverageSettings):
        snapshot_weights(config.average, epochs)
    for section, member in (("reweight", config.reweight), ("sampler", config.sampler)):
        if isinstance(member, Drw | Drs | InfluenceBalanced) and defer_until(member, epochs) >= epochs:
            raise PlanError(
                f"{section}.switch is {member.switch:g}, the end of training: no epoch would come after it",
                hint=f"set {section}.switch below 1",
            )


def _check_steps(config: Config, steps: int) -> None:
    """Refuse a schedule whose point in training falls into its first step, and so does nothing."""
    match config.schedule:
        case (Constant() | MultiStep() | Cosine()) as warm if warm.warmup and warmup_steps(warm.warmup, steps) < 2:
            raise PlanError(
                f"schedule.warmup is {warm.warmup:g} of training, which has {steps} steps: too short to warm up over",
                hint=f"set schedule.warmup to 0, or to {2 / steps:.2g} or more",
            )
        case OneCycle(peak=peak) if peak * steps <= 1:
            raise PlanError(
                f"schedule.peak is {peak:g} of training, which has {steps} steps: the learning rate would never rise",
                hint="raise schedule.peak, train more epochs, or choose another schedule",
            )
        case Cosine(final_lr=final) if final > config.optim.lr:
            raise PlanError(
                f"schedule.final_lr is {final:g}, above optim.lr {config.optim.lr:g}: the learning rate would rise",
                hint=f"set schedule.final_lr to {config.optim.lr:g} or less",
            )


def _check_store(config: Config, store: PatchStore) -> None:
    if len(band_positions(config, store)) == 1 and isinstance(config.augment, BandDropout):
        raise PlanError(
            "augment: band_dropout leaves out bands, but the trial trains on one: there is none to leave out",
            hint="choose another augmentation, or more bands (data.bands)",
        )
    counts = store.counts("train")
    if len(counts) < 2:
        raise PlanError(f"{store.path} has {len(counts)} class, classification needs two", hint="import more classes")
    missing = [name for name, count in zip(store.classes, counts, strict=True) if count == 0]
    if missing:
        raise PlanError(
            f"{store.path} has no training patch of class {', '.join(map(repr, missing))}",
            hint="import the data with another split, or without that class",
        )
    train, batch = int(counts.sum()), config.optim.batch_size
    if batch > train:
        raise PlanError(
            f"optim.batch_size is {batch}, but {store.path} has {train} training patches",
            hint=f"set optim.batch_size to {train} or less",
        )
    _check_steps(config, config.optim.epochs * steps_per_epoch(train, batch))
    if not np.any(store.splits != 0):
        raise PlanError(
            f"{store.path} has neither val nor test patches, so nothing can be measured",
            hint="import the data with a val or test split",
        )


def check_generated(config: Config, store: PatchStore, generated: Sequence[PatchStore]) -> None:
    """Refuse generated stores that cannot join a store's train split.

    Args:
        config: of the trial.
        store: the real patches.
        generated: stores of patches made by a model.

    Raises:
        BandError: a band or composite that the store does not hold.
        PlanError: patches that the configuration does not ask for, or asks for and does not get; a store that is not
            marked as generated or holds held-out patches; other bands, classes, size or type than the trial's.
    """
    match config.synthetic:
        case NoSynthetic():
            if generated:
                raise PlanError(
                    f"{', '.join(str(store.path) for store in generated)} cannot be used: synthetic.kind is none",
                    hint="set synthetic.kind, or drop it",
                )
        case Dcgan(kind=kind) | Flow(kind=kind):
            if not generated:
                raise PlanError(
                    f"synthetic.kind {kind} asks for generated patches, and none were given for {store.path}",
                    hint="{raysat ablate} makes them as jobs of its plan",
                )
        case _:
            assert_never(config.synthetic)
    bands = tuple(store.bands[position] for position in band_positions(config, store))
    for patches in generated:
        _check_fits(patches, store, bands)


def _check_fits(generated: PatchStore, store: PatchStore, bands: tuple[str, ...]) -> None:
    if not generated.generated:
        raise PlanError(
            f"{generated.path} is not marked as generated: real patches never join the train split of {store.path}",
            hint="give a store made by {raysat generate}",
        )
    if generated.splits.any():
        raise PlanError(
            f"{generated.path} holds val or test patches; generated ones belong in the train split of {store.path}",
            hint="make it again with {raysat generate}",
        )
    if set(generated.bands) != set(bands):
        raise PlanError(
            f"{generated.path} has bands {', '.join(generated.bands)}, the trial on {store.path} "
            f"uses {', '.join(bands)}",
            hint="give synthetic.bands the bands of data.bands, or leave it out",
        )
    for what, theirs, ours in (
        ("classes", ", ".join(generated.classes), ", ".join(store.classes)),
        ("patches of", _size(generated), _size(store)),
        ("type", generated.images.dtype.name, store.images.dtype.name),
    ):
        if theirs != ours:
            raise PlanError(
                f"{generated.path} has {what} {theirs}, {store.path} has {ours}",
                hint="generate the patches from the store that the trial uses",
            )


def _size(store: PatchStore) -> str:
    height, width = store.images.shape[2:]
    return f"{height} x {width} px"
