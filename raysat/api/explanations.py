"""Explanations of finished models: which patches to look at, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError
from raysat.reporting.analysis.analyze import choose
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedPatches:
    """Patches whose occlusion maps are made, by all paired models of two arms."""

    trials: Mapping[str, str]  # what each model is called, by trial
    positions: tuple[int, ...]  # of the patches in the store


def explain_finished(
    ledger: Ledger,
    trials: Mapping[str, str],
    store: PatchStore,
    *,
    repeats: int,
    mapped: MappedPatches | None,
    progress: Callable[[str, int, int], None] | None,
) -> tuple[int, int]:
    """Explain finished models, as far as that was not done before.

    Args:
        ledger: of the run.
        trials: whose bands are permuted: what each is called, by id.
        store: that they were trained on.
        repeats: permutations of each band; 0 for none.
        mapped: whose occlusion maps are made; None for no maps.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        How many results are new, and how many were there.

    Raises:
        UsageError: another store.
        StorageError: damaged records or weights, or a disk that cannot be written.
        TrainingError: weights that do not fit.
    """
    from raysat.execution.versions import versions
    from raysat.inference.explain import explain_models

    done = kept = 0
    if repeats:
        done, kept = explain_models(ledger, trials, store, repeats=repeats, versions=versions(), progress=progress)
    if mapped is not None:
        more = explain_models(
            ledger, mapped.trials, store, positions=mapped.positions, versions=versions(), progress=progress
        )
        done, kept = done + more[0], kept + more[1]
    return done, kept


def patches_to_map(ledger: Ledger, arms: Sequence[str], count: int) -> MappedPatches:
    """Choose patches that an arm newly gets right, of each class pair in turn.

    Args:
        ledger: of the run.
        arms: of these the first that is not the report's baseline is explained; by default the best one.
        count: patches at most.

    Returns:
        The patches, and the models of the arm and the baseline with a seed that both have finished.

    Raises:
        UsageError: an unknown arm, or one that gets no patch newly right.
    """
    predictions, changes = choose(ledger, arms)
    turns = max((len(pair.rows) for pair in changes.right), default=0)
    rows = [int(pair.rows[turn]) for turn in range(turns) for pair in changes.right if turn < len(pair.rows)]
    if not rows:
        raise UsageError(
            f"arm {changes.arm!r} gets no patch right that {changes.baseline!r} gets wrong in most seeds",
            hint="name another arm with {--arms}, or leave {--occlusion} out",
        )
    plan = {arm.name: arm.trials for arm in ledger.read_plan().arms}
    return MappedPatches(
        trials={
            trial.id: f"{name}, seed {trial.seed}"
            for name in (changes.baseline, changes.arm)
            for trial in plan[name]
            if trial.seed in changes.seeds
        },
        positions=tuple(int(predictions.positions[row]) for row in rows[:count]),
    )
