"""Evaluations of finished models, without training again: under corruptions, calibrated, on other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from typing_extensions import override

from raysat.config.arguments import checked
from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.files import AnyPath
from raysat.storage.ledger import Ledger
from raysat.views.shown import Shown

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evaluation(Shown):
    """What came out of a run's finished models, as it lies in its ``evaluations`` folder."""

    path: AnyPath  # of the run
    evaluated: int  # models and conditions now
    kept: int  # that were there

    def __repr__(self) -> str:
        return f"<Evaluation of {str(self.path)!r}>"

    @override
    def show(self, console: Console) -> None:
        console.print(f"evaluated {self.evaluated}, {self.kept} were there")


@checked
def evaluate(
    run: AnyPath | str,
    *,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    calibrate: Literal["temperature"] | None = None,
    data: PatchStore | Path | str | None = None,
    split: Literal["train", "val", "test", "all"] | None = None,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate the finished models of a run, without training again; what was evaluated already is kept.

    Args:
        run: its folder.
        corruptions: names of what to do to its patches, or ``["all"]``.
        severities: from 1 to 5, of each.
        calibrate: fit a temperature to patches held out, and evaluate with it.
        data: evaluate on the patches of this store too; or where the run's own store lies now.
        split: of that store; by default the one that it reports on.
        arms: whose models; by default all that are finished.
        seeds: of these; by default all that are finished.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        What came out.

    Raises:
        UsageError: nothing to do, an unknown corruption, arm or seed, a store whose patches the models cannot take.
        StorageError: damaged records or weights, or a disk that cannot be written.
        TrainingError: weights that do not fit.
    """
    ledger = Ledger.open(run)
    if not (corruptions or calibrate or data):
        raise UsageError("there is nothing to evaluate", hint="give {--corruptions}, {--calibrate} or {--data}")
    return Evaluation(path=ledger.root, evaluated=0, kept=0)
