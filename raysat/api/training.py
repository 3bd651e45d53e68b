"""One trial in this process, without Ray: for a look at a method, a debugger, or a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from raysat.api.stores import Store, as_store
from raysat.config.arguments import Seed, checked
from raysat.config.merge import DEFAULT_KINDS, override
from raysat.config.plain import plain
from raysat.config.schema import Config, Trial
from raysat.config.validate import validate_config
from raysat.config.yaml_source import YamlValue
from raysat.data.remote.open import copy_to_node
from raysat.errors import PlanError
from raysat.planning.resolve import resolve_config
from raysat.training.device import usable_device
from raysat.training.loop import train as train_trial
from raysat.training.results import EpochReport, TrialResult

if TYPE_CHECKING:
    import pandas as pd


class TrainedModel(TrialResult):
    """A trained model: its weights, what it predicts on the reported split, its metrics and its learning curve."""

    __slots__ = ()

    def __repr__(self) -> str:
        metrics = self.metrics[self.reported_split]
        return f"<TrainedModel: {self.reported_split} balanced accuracy {metrics.balanced_accuracy:.3f}>"

    def history_frame(self) -> pd.DataFrame:
        """A row per epoch: loss, learning rate, seconds, samples seen, and metrics on the validation split."""
        import pandas as pd

        rows = [
            {
                "epoch": report.epoch,
                "loss": report.loss,
                "lr": report.lr,
                "balanced_accuracy": report.metrics.balanced_accuracy,
                "icv": report.metrics.icv,
                "macro_f1": report.metrics.macro_f1,
                "accuracy": report.metrics.accuracy,
                "samples_seen": report.samples_seen,
                "seconds": report.seconds,
            }
            for report in self.history
        ]
        return pd.DataFrame(rows).set_index("epoch")


@checked
def train(
    config: Config | Mapping[str, Any],
    data: Store | Path | str = "demo",
    *,
    seed: Seed = 0,
    device: torch.device | str | None = None,
    eager: bool = False,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedModel:
    """Train one configuration with one seed, and evaluate it; nothing is written.

    The numbers are those that a study gives for this configuration, seed and number of threads.

    Args:
        config: a configuration (``study.arms[0].config``), or a mapping of settings as an arm of a study file has them.
        data: a patch store, its path or URL, or ``demo``.
        seed: of all that is random.
        device: where; by default the current CUDA device, else the CPU.
        eager: launch each operation of a step by itself on a GPU, without CUDA graphs: slower; for debugging.
        on_epoch: called after each epoch; an error that it raises ends the training.

    Returns:
        The model, its predictions and metrics.

    Raises:
        UsageError: settings that are wrong, or that cannot train on the data; generated patches need ``ablate``.
        TrainingError: pretrained weights that cannot be had, or a loss that became NaN or infinite.
    """
    if not isinstance(config, Config):
        tree = override(DEFAULT_KINDS, YamlValue(plain(config, "config"), {}, "config").expand())
        config = validate_config(tree, arm="config")
    store, _ = as_store(data)
    if config.synthetic.kind != "none":
        raise PlanError("synthetic patches are made by generate jobs", hint="train it with raysat.ablate")
    trial = Trial(config=resolve_config(config, store), seed=seed)
    result = train_trial(
        trial,
        copy_to_node(store),
        device=None if device is None else usable_device(device),
        eager=eager,
        on_epoch=on_epoch,
    )
    return TrainedModel(**{name: getattr(result, name) for name in TrialResult.__dataclass_fields__})
