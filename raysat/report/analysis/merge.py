"""Several runs as one leaderboard: their arms side by side, measured on the same test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from raysat.errors import UsageError
from raysat.report.analysis.collect import Arm, Leaderboard, Source, Summary, one_line
from raysat.report.analysis.ranking import rank


def merge(boards: Sequence[Leaderboard], folders: Sequence[str]) -> Leaderboard:
    """Put the arms of several runs together.

    An arm that two runs have by the same name and the same configuration is one arm, over the seeds of both; where the
    configurations differ, each is called after its study (or its folder, where the studies share a name). ``folders``
    name the runs in errors. Raises UsageError where the runs were measured on different data.
    """
    first, *others = boards
    for board, folder in zip(others, folders[1:], strict=True):
        for what, one, other in (
            ("data", *(f"{one_line(each.data)}, fingerprint {str(each.fingerprint)[:8]}" for each in (first, board))),
            ("classes", *(", ".join(each.classes) for each in (first, board))),
            ("split", first.reported, board.reported),
        ):
            if (first.fingerprint != board.fingerprint) if what == "data" else (one != other):
                raise UsageError(
                    f"{folders[0]} and {folder} cannot be one report: they differ in {what} ({one} and {other})",
                    hint="their arms were not measured on the same patches; raysat compare sets two such runs apart",
                )
    if not others:
        return first
    called = [board.study for board in boards]
    labels = called if len(set(called)) == len(called) else list(folders)
    merged: dict[str, Arm] = {}
    clashes = _clashes(boards)
    for board, label in zip(boards, labels, strict=True):
        for arm in board.in_order:
            name = f"{arm.name} [{label}]" if arm.name in clashes else arm.name
            there = merged.get(name)
            merged[name] = replace(arm, name=name) if there is None else _joined(there, arm)
    arms = [replace(arm, position=position) for position, arm in enumerate(merged.values())]
    trials = [source.trial for board in boards for arm in board.arms for source in arm.sources]
    images = [board.images for board in boards] if len(set(trials)) == len(trials) else [None]  # else some count twice
    return replace(
        first,
        study=" + ".join(dict.fromkeys(called)),
        ordinal=any(board.ordinal for board in boards),
        support=next((board.support for board in boards if board.support), None),
        reference=next((board.reference for board in boards if board.reference), None),
        arms=rank(arms),
        generators=tuple(dict.fromkeys(job for board in boards for job in board.generators)),
        images=None if None in images else (sum(i[0] for i in images if i), sum(i[1] for i in images if i)),
        command=None,
    )


def _clashes(boards: Sequence[Leaderboard]) -> frozenset[str]:
    """Names of arms that do not mean the same in all runs: another configuration, or another trial of the same seed."""
    configs: dict[str, object] = {}
    trials: dict[tuple[str, int], str] = {}
    clashing = set()
    for arm in (arm for board in boards for arm in board.arms if arm.n):
        config = arm.sources[0].ledger.read_spec(arm.sources[0].trial).settings
        same = configs.setdefault(arm.name, config) == config
        for seed, source in zip(arm.seeds, arm.sources, strict=True):
            same = same and trials.setdefault((arm.name, seed), source.trial) == source.trial
        if not same:
            clashing.add(arm.name)
    return frozenset(clashing)


def _joined(one: Arm, other: Arm) -> Arm:
    """One arm over the seeds of both; a seed that both have finished counts once, as the first has it."""
    new = [index for index, seed in enumerate(other.seeds) if seed not in one.seeds]
    seeds = (*one.seeds, *(other.seeds[index] for index in new))
    sources: tuple[Source, ...] = (*one.sources, *(other.sources[index] for index in new))

    def joined(a: Summary, b: Summary) -> Summary:
        # A class without test patches has no value in either run.
        return Summary(values=(*a.values, *(b.values[index] for index in new if index < len(b.values))))

    metrics: Mapping[str, Summary] = {name: joined(one.metrics[name], other.metrics[name]) for name in one.metrics}
    return replace(
        one,
        seeds=seeds,
        sources=sources,
        metrics=metrics,
        recall=tuple(joined(a, b) for a, b in zip(one.recall, other.recall, strict=True)),
        precision=tuple(joined(a, b) for a, b in zip(one.precision, other.precision, strict=True)),
        failed=tuple(cell for cell in (*one.failed, *other.failed) if cell.seed not in seeds),
        missing=tuple(sorted({*one.missing, *other.missing} - set(seeds))),
        in_grid=one.in_grid and other.in_grid,
    )
