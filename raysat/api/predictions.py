"""What trained models say of the patches of a store, as a table with metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from rich.console import Console
from typing_extensions import override

from raysat.api.runs import Run, open_run
from raysat.api.stores import Store, as_store
from raysat.config.arguments import Seed, checked
from raysat.errors import UsageError
from raysat.files import AnyPath, as_path, file_exists, write_atomic
from raysat.metrics.confusion import Metrics
from raysat.views.maps import show_predictions
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from raysat.inference.load import TrainedArm
    from raysat.inference.store_predictions import StorePredictions

Progress = Callable[[str, int, int], None]
_TABLES: Final = (".csv", ".parquet")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PatchPredictions(Shown):
    """What an arm says of the patches of a store."""

    store: Store
    found: StorePredictions

    def __repr__(self) -> str:
        return f"<PatchPredictions of {len(self.found.indices):,} patches by {self.found.arm!r}>"

    @property
    def metrics(self) -> Metrics | None:
        """Of the averaged probabilities; None where the store's classes are not the models'."""
        return self.found.metrics

    @property
    def metrics_by_seed(self) -> dict[int, Metrics]:
        """Of each seed alone; empty where the store's classes are not the models'."""
        return dict(zip(self.found.seeds, self.found.by_seed, strict=False))

    def to_frame(self) -> pd.DataFrame:
        """A row per patch, by its position in the store: split, class, prediction, probabilities, entropy."""
        import pandas as pd

        from raysat.data.splits import SPLITS

        found, rows = self.found, self.found.indices
        names = np.array(found.classes, dtype=object)
        columns = {
            "split": np.array(SPLITS, dtype=object)[self.store.splits[rows]],
            "label": np.array(self.store.classes, dtype=object)[self.store.labels[rows]],
            "predicted": names[found.predicted],
        }
        columns |= {f"p_{name}": found.probabilities[:, k] for k, name in enumerate(found.classes)}
        columns |= {"entropy": found.entropy}
        if found.disagreement is not None:
            columns["disagreement"] = found.disagreement
        return pd.DataFrame(columns, index=pd.Index(rows, name="patch"))

    @override
    def show(self, console: Console) -> None:
        show_predictions(self.found, console)


@checked
def predict_store(
    run: Run | AnyPath | str,
    store: Store | Path | str,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    out: AnyPath | str | None = None,
    arm: str | None = None,
    seeds: Sequence[Seed] | None = None,
    overwrite: bool = False,
    data: Store | Path | str | None = None,
    progress: Progress | None = None,
) -> PatchPredictions:
    """Classify the patches of a store with the models of an arm, whose probabilities are averaged over its seeds.

    Args:
        run: a run, its path or URL.
        store: a patch store, its path or URL, or ``demo``.
        split: which patches; by default those that results of the store are of.
        out: write a row per patch here: ``.csv`` or ``.parquet``; by default nothing is written.
        arm: its name; by default the first of the leaderboard.
        seeds: which of the arm's; by default all that are finished.
        overwrite: replace a file that is there.
        data: the store that the run was trained on, where an older raysat wrote it.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The predictions, with metrics where the store's classes are among the models'.

    Raises:
        UsageError: an arm or seed that is not finished, a file that is there, a split without patches, patches of
            another sensor, size, type or pixel size.
        BandError: the store does not have the models' bands.
        DiskError: the file cannot be written.
    """
    from raysat.inference.store_predictions import predict_store as classify

    target = None if out is None else _table(out, overwrite=overwrite)
    opened, (patches, _) = run if isinstance(run, Run) else open_run(run), as_store(store)
    trained = load_models(opened, arm, seeds, data)
    found = classify(trained, patches, split or patches.reported_split, step(progress, "classifying"))
    result = PatchPredictions(store=patches, found=found)
    if target is not None:
        frame = result.to_frame().reset_index()
        content = frame.to_csv(index=False).encode() if target.suffix == ".csv" else frame.to_parquet(index=False)
        write_atomic(target, content)
    return result


def best_arm(run: Run) -> str:
    """The first arm of a run's leaderboard. Raises UsageError where none has a finished trial."""
    ranked = run.leaderboard().ranked
    if not ranked:
        raise UsageError(f"{run.path} has no finished trial", hint=f"see {{raysat status}} {run.path}")
    return ranked[0].name


def load_models(run: Run, arm: str | None, seeds: Sequence[int] | None, data: Store | Path | str | None) -> TrainedArm:
    """Read the models of an arm to the default device.

    Args:
        run: theirs.
        arm: its name; by default the first of the leaderboard.
        seeds: which; by default all that are finished.
        data: the store that they were trained on, where an older raysat wrote the run.

    Returns:
        The models.
    """
    from raysat.inference.load import load_arm
    from raysat.training.device import default_device

    store = None if data is None else as_store(data)[0]
    return load_arm(run.ledger, arm or best_arm(run), device=default_device(), seeds=seeds, store=store)


def step(progress: Progress | None, title: str) -> Callable[[int, int], None]:
    """What tells how far one kind of work is."""
    return (lambda done, total: progress(title, done, total)) if progress else lambda *_: None


def _table(out: AnyPath | str, *, overwrite: bool) -> AnyPath:
    target = as_path(out)
    if target.suffix not in _TABLES:
        raise UsageError(f"cannot write predictions to {target}", hint=f"name a file that ends in {', '.join(_TABLES)}")
    if not overwrite and file_exists(target):
        raise UsageError(f"{target} is there already", hint="{--overwrite} replaces it")
    return target
