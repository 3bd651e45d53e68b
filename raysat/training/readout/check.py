"""Refuse readouts that a store or a network does not allow, before anything starts; imports no torch."""

from __future__ import annotations

from raysat.config.families.readouts import PriorCorrection
from raysat.config.heads import has_class_scores
from raysat.config.plugins.settings import LossSettings, ModelSettings
from raysat.config.plugins.use import method_of
from raysat.config.schema import Config
from raysat.config.stages import final_config
from raysat.data.store import PatchStore
from raysat.errors import PlanError


def check_readout(config: Config, store: PatchStore) -> None:
    """Refuse a readout that cannot be fitted.

    Raises:
        PlanError: it is chosen on val, and val has no patches, or none of a class; it changes a linear classifier, and
            the network has none; its shares are of another number of classes.
    """
    readout = config.readout
    shares = readout.shares if isinstance(readout, PriorCorrection) else "balanced"
    if not isinstance(shares, str) and len(shares) != len(store.classes):
        raise PlanError(
            f"readout.shares has {len(shares)} shares, {store.path} has {len(store.classes)} classes",
            hint=f"give a share for each of {', '.join(store.classes)}",
        )
    if readout.needs_linear:
        _check_classifier(config)
    if readout.is_chosen_on_val:
        _check_val(config, store)


def _check_classifier(config: Config) -> None:
    kind, loss = config.readout.kind, final_config(config).loss
    if isinstance(config.model, ModelSettings):
        raise PlanError(
            f"readout: {kind} changes the linear classifier of a model of timm; model.kind {config.model.kind} is a "
            "plugin's",
            hint="choose another readout, or a model of timm",
        )
    if config.model.classifier != "linear":
        raise PlanError(
            f"readout: {kind} needs model.classifier: linear, which is {config.model.classifier}",
            hint="set model.classifier: linear, or choose another readout",
        )
    if not has_class_scores(config.loss):
        raise PlanError(
            f"readout: {kind} changes a score for each class, which a network with loss: {config.loss.kind} does not "
            "give",
            hint="choose another readout, or another loss",
        )
    if isinstance(loss, LossSettings) and method_of(loss).options.get("posterior"):
        raise PlanError(
            f"readout: {kind} needs scores whose softmax is the posterior; loss.kind {loss.kind} has a "
            "posterior of its own",
            hint="choose another readout, or another loss",
        )


def _check_val(config: Config, store: PatchStore) -> None:
    readout, counts = config.readout, store.counts("val")
    tau = ", or give readout.tau a number" if hasattr(readout, "tau") else ""
    if not counts.any():
        raise PlanError(
            f"readout: {readout.kind} is chosen on val, of which {store.path} has no patches",
            hint=f"split the store with {{raysat data split}} so that it has val patches{tau}",
        )
    missing = [name for name, count in zip(store.classes, counts, strict=True) if count == 0]
    if missing and readout.kind != "temperature":
        raise PlanError(
            f"readout: {readout.kind} is chosen on val by balanced accuracy, and {store.path} has no val patch of "
            f"class {', '.join(map(repr, missing))}",
            hint=f"split the store with {{raysat data split}} so that val has patches of every class{tau}",
        )
