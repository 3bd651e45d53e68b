"""Which trials of an arm go on after a round of its tuning: decided by the records of that round, and by nothing else.

So a study that was stopped comes to the same trials, whenever that was. Of each arm as many go on as were planned
(``Tuning.trials``), the best on val; those that failed do not, and others have their places. Equal ones share a place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from raysat.search.per_arm import WRITTEN, ArmTrial, different, loss_on_val
from raysat.storage.ledger import Ledger
from raysat.study.tuning import Tuning


def trials_so_far(
    tuning: Tuning,
    trials: Sequence[ArmTrial],
    ids: Mapping[str, str],
    ledger: Ledger,
    *,
    is_settled: Callable[[str], bool],
) -> tuple[ArmTrial, ...]:
    """Return the trials of all rounds that are decided: of the first, and of each whose former one is settled.

    Args:
        tuning: how arms are tuned.
        trials: of every round, as ``arm_trials`` gives them.
        ids: of them, by name of their arm.
        ledger: of the run that tunes.
        is_settled: whether a trial, by its id, has finished or failed.

    Returns:
        Them, round by round; the last round is that which may not be trained yet.

    Raises:
        StorageError: a record is damaged.
    """
    last = [trial for trial in trials if trial.in_round == 1]
    found = [*last]
    for in_round, places in enumerate(tuning.trials[1:], start=2):
        if not all(is_settled(ids[trial.arm.name]) for trial in last):
            break
        on = _going_on(last, places - 1, ids, ledger)
        last = [each for each in trials if each.in_round == in_round and (each.of.name, each.number) in on]
        found += last
    return tuple(found)


def trials_to_come(tuning: Tuning, trials: Sequence[ArmTrial], ids: Mapping[str, str], in_round: int) -> set[str]:
    """Return as many trials, by id, as will be trained after a round at most: of each arm the first, not the best.

    Args:
        tuning: how arms are tuned.
        trials: of every round, as ``arm_trials`` gives them.
        ids: of them, by name of their arm.
        in_round: the round.
    """
    found: dict[tuple[str, int], set[str]] = {}  # by arm and round
    for trial in trials:
        own = found.setdefault((trial.of.name, trial.in_round), set())
        if trial.in_round > in_round and len(own) < tuning.trials[trial.in_round - 1]:
            own.add(ids[trial.arm.name])
    return set().union(*found.values())


def _going_on(trials: Sequence[ArmTrial], places: int, ids: Mapping[str, str], ledger: Ledger) -> set[tuple[str, int]]:
    """The arms and numbers of the trials of a round that go on: of each arm the best, beside the one as written."""
    finished = ledger.finished(ids[trial.arm.name] for trial in trials)
    found: set[tuple[str, int]] = set()
    for arm in dict.fromkeys(trial.of.name for trial in trials):
        own = different([trial for trial in trials if trial.of.name == arm], ids)
        losses = {
            (*loss_on_val(ledger.read(job)), trial.number)
            for job, trial in own.items()
            if job in finished and trial.number != WRITTEN
        }
        found |= {(arm, WRITTEN), *((arm, number) for *_, number in sorted(losses)[:places])}
    return found
