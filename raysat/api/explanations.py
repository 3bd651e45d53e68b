"""Explanations of finished models: which patches to look at, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.reporting.analysis.analyze import choose
from raysat.reporting.analysis.changes import Changes
from raysat.storage.ledger import Ledger


def explain_finished(
    ledger: Ledger,
    trials: Mapping[str, str],
    store: PatchStore,
    *,
    repeats: int,
    patches: int,
    arms: Sequence[str],
    progress: Callable[[str, int, int], None] | None,
) -> tuple[int, int]:
    """Explain finished models, as far as that was not done before.

    Args:
        ledger: of the run.
        trials: whose bands are permuted: what each is called, by id.
        store: that they were trained on.
        repeats: permutations of each band; 0 for none.
        patches: whose occlusion maps are made, by all paired models of the arm and the baseline; 0 for none.
        arms: that were asked for.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        How many results are new, and how many were there.

    Raises:
        UsageError: as ``patches_to_explain``, or another store.
        StorageError: damaged records or weights, or a disk that cannot be written.
        TrainingError: weights that do not fit.
    """
    from raysat.execution.versions import versions
    from raysat.inference.explain import explain_models

    done = kept = 0
    if repeats:
        done, kept = explain_models(ledger, trials, store, repeats=repeats, versions=versions(), progress=progress)
    if patches:
        changes, positions = patches_to_explain(ledger, arms, patches)
        plan = {arm.name: arm.trials for arm in ledger.read_plan().arms}
        pair = {
            trial.id: f"{name}, seed {trial.seed}"
            for name in (changes.baseline, changes.arm)
            for trial in plan[name]
            if trial.seed in changes.seeds
        }
        more = explain_models(ledger, pair, store, positions=positions, versions=versions(), progress=progress)
        done, kept = done + more[0], kept + more[1]
    return done, kept


def patches_to_explain(ledger: Ledger, arms: Sequence[str], count: int) -> tuple[Changes, tuple[int, ...]]:
    """Choose patches that an arm newly gets right, of each class pair in turn.

    Args:
        ledger: of the run.
        arms: of these the first that is not the report's baseline is explained; by default the best one.
        count: patches at most.

    Returns:
        What the arm changes, and the patches' positions in the store.

    Raises:
        UsageError: an unknown arm, or one that gets no patch newly right.
    """
    predictions, changes = choose(ledger, arms)
    turns = max((len(pair.rows) for pair in changes.right), default=0)
    rows = [int(pair.rows[turn]) for turn in range(turns) for pair in changes.right if turn < len(pair.rows)]
    if not rows:
        raise UsageError(
            f"arm {changes.arm!r} gets no patch right that {changes.baseline!r} gets wrong in most seeds",
            hint="name another arm with {--arms}",
        )
    return changes, tuple(int(predictions.positions[row]) for row in rows[:count])
