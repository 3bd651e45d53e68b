"""Several runs as one leaderboard: their arms side by side, measured on the same test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from raysat.errors import UsageError
from raysat.formatting import one_line
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.reporting.analysis.ranking import rank


def merge(boards: Sequence[Leaderboard], folders: Sequence[str]) -> Leaderboard:
    """Put the arms of several runs together.

    An arm that two runs have by the same name and the same configuration is one arm, over the seeds of both; where the
    configurations differ, each is called after its study (or its folder, where the studies share a name). ``folders``
    name the runs in errors. Raises UsageError where the runs were measured on different data.
    """
    require_same(boards, folders)
    if len(boards) == 1:
        return boards[0]
    shared = _shared_settings(boards)
    arms: dict[str, Arm] = {}
    for arm in rename_clashes([_with_all_settings(board, shared) for board in boards], folders):
        arms[arm.name] = join(arms[arm.name], arm) if arm.name in arms else arm
    return replace(
        boards[0],
        study=" + ".join(dict.fromkeys(board.study for board in boards)),
        ordinal=any(board.ordinal for board in boards),
        synthetic=any(board.synthetic for board in boards),
        support=next((board.support for board in boards if board.support), None),
        reference=next((board.reference for board in boards if board.reference), None),
        arms=rank([replace(arm, position=position) for position, arm in enumerate(_told_apart(arms.values()))]),
        shared_settings=shared,
        generators=tuple(dict.fromkeys(job for board in boards for job in board.generators)),
        images=_images(boards),
    )


def _shared_settings(boards: Sequence[Leaderboard]) -> tuple[str, ...]:
    """The settings that all arms of all runs have."""
    return tuple(setting for setting in boards[0].shared_settings if all(setting in b.shared_settings for b in boards))


def _with_all_settings(board: Leaderboard, shared: Sequence[str]) -> Leaderboard:
    """A run whose arms tell the settings, too, that only its own arms share."""
    apart = tuple(setting for setting in board.shared_settings if setting not in shared)
    return replace(board, arms=tuple(replace(arm, own_settings=(*apart, *arm.own_settings)) for arm in board.arms))


def _told_apart(arms: Iterable[Arm]) -> list[Arm]:
    """Arms without compact names that another goes by: each was told apart among the arms of its own run alone."""
    arms = list(arms)
    known = Counter(arm.label for arm in arms)
    return [replace(arm, compact="") if known[arm.label] > 1 else arm for arm in arms]


def require_same(boards: Sequence[Leaderboard], folders: Sequence[str]) -> None:
    """Raise UsageError where runs were measured on different patches; ``folders`` name them."""
    for board, folder in zip(boards, folders, strict=True):
        measured = zip(_measured_on(boards[0]), _measured_on(board), strict=True)
        for (what, first, first_text), (_, other, other_text) in measured:
            if first != other:
                raise UsageError(
                    f"{folders[0]} and {folder} cannot be one report: they differ in {what} "
                    f"({first_text} and {other_text})",
                    hint="their arms were not measured on the same patches; {raysat compare} sets two such runs apart",
                )


def _measured_on(board: Leaderboard) -> tuple[tuple[str, object, str], ...]:
    """What makes measurements comparable: its name, what must be equal, and how it reads."""
    data = f"{one_line(board.data)}, fingerprint {str(board.fingerprint)[:8]}"
    return (
        ("data", board.fingerprint, data),
        ("classes", board.classes, ", ".join(board.classes)),
        ("split", board.reported, board.reported),
    )


def _images(boards: Sequence[Leaderboard]) -> tuple[int, int] | None:
    """Images of all runs, alone and shared; None where one does not say, or where a trial would count twice."""
    trials = [source.trial for board in boards for arm in board.arms for source in arm.sources]
    images = [board.images for board in boards if board.images is not None]
    if len(images) < len(boards) or len(set(trials)) < len(trials):
        return None
    return sum(alone for alone, _ in images), sum(shared for _, shared in images)


def rename_clashes(boards: Sequence[Leaderboard], folders: Sequence[str]) -> list[Arm]:
    """All arms in the order of runs and studies; names that mean different things are followed by their run's."""
    studies = [board.study for board in boards]
    runs = studies if len(set(studies)) == len(studies) else folders
    clashing = _clashes(boards)
    return [
        _of_run(arm, run) if arm.name in clashing else arm
        for board, run in zip(boards, runs, strict=True)
        for arm in sorted(board.arms, key=lambda arm: arm.position)
    ]


def _of_run(arm: Arm, run: str) -> Arm:
    return replace(arm, name=f"{arm.name} [{run}]", compact=f"{arm.compact} [{run}]" if arm.compact else "")


def _clashes(boards: Sequence[Leaderboard]) -> frozenset[str]:
    """Names of arms that do not mean the same in all runs: another configuration, or another trial of the same seed."""
    configs: dict[str, object] = {}
    trials: dict[tuple[str, int], str] = {}
    clashing = set()
    for arm in (arm for board in boards for arm in board.arms if arm.n):
        config = arm.settings()
        same = configs.setdefault(arm.name, config) == config
        for seed, source in zip(arm.seeds, arm.sources, strict=True):
            same = same and trials.setdefault((arm.name, seed), source.trial) == source.trial
        if not same:
            clashing.add(arm.name)
    return frozenset(clashing)


def join(one: Arm, other: Arm) -> Arm:
    """One arm over the seeds of both; a seed that both have finished counts once, as the first has it."""
    new = [index for index, seed in enumerate(other.seeds) if seed not in one.seeds]
    seeds = (*one.seeds, *(other.seeds[index] for index in new))
    metrics = {}
    for metric, summary in one.metrics.items():
        values = other.metrics[metric].values  # a class without test patches has none in either run
        metrics[metric] = MetricSummary(values=summary.values + tuple(values[k] for k in new if k < len(values)))
    return replace(
        one,
        seeds=seeds,
        sources=(*one.sources, *(other.sources[index] for index in new)),
        metrics=metrics,
        failed=tuple(trial for trial in (*one.failed, *other.failed) if trial.seed not in seeds),
        missing=tuple(sorted({*one.missing, *other.missing} - set(seeds))),
        in_grid=one.in_grid and other.in_grid,
    )
