"""Rounds of tuning, where a study asks for them: each halves an arm's trials, and the next trains twice as many epochs.

Synchronous successive halving (Karnin, Koren & Somekh, ICML 2013; Jamieson & Talwalkar, AISTATS 2016), of every arm by
itself: all arms have as many trials in every round, so that each is tuned as hard. The last round trains all epochs of
its arm, the one before half of them, and so on. A shortened trial is a whole training, as with ``--epochs``: its
schedule ends with it, and points in training are fractions of it, so that methods that act late act there too. The
trial with an arm's settings as they are written goes through all rounds and takes no other one's place: what tuning
gains is measured from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from raysat.config import limits
from raysat.config.merge import override
from raysat.config.schema import Config
from raysat.config.yaml_source import YamlValue
from raysat.formatting import echo, plural

MOST: Final = limits.EPOCHS.bit_length()  # the first has an epoch at least
_LEAST: Final = 2  # trials with drawn settings that reach the last: with one, nothing would be chosen there


def trials_by_round(per_arm: int, rounds: int) -> tuple[int, ...]:
    """Return how many trials of an arm each round has at most, the one as written included: 20, 11 and 6 in three.

    Args:
        per_arm: of the first.
        rounds: how many.
    """
    drawn = [per_arm - 1]
    while len(drawn) < rounds:
        drawn.append(-(-drawn[-1] // 2))
    return tuple(number + 1 for number in drawn)


def epochs_by_round(epochs: int, rounds: int) -> tuple[int, ...]:
    """Return how many epochs a trial trains in each round, halves rounded up: 3, 5 and 10 in three.

    Args:
        epochs: of the last.
        rounds: how many.
    """
    return tuple(-(-epochs // 2**later) for later in reversed(range(rounds)))


def shortened(tree: YamlValue, epochs: int, place: str) -> YamlValue:
    """Return an arm's configuration as written with so many epochs, as ``--epochs`` sets them.

    Args:
        tree: as written.
        epochs: of its training.
        place: where that is asked for.
    """
    return override(tree, YamlValue(epochs, {}, place).nested_under("optim", "epochs"))


def check_rounds(written: YamlValue, rounds: int, per_arm: int, configs: Mapping[str, Config]) -> None:
    """Refuse rounds of which the last would have too few trials, or the first less than an epoch.

    Args:
        written: ``tune`` of the study.
        rounds: that it asks for.
        per_arm: trials of each arm.
        configs: the arms.

    Raises:
        StudyError: names the place of ``rounds``.
    """
    if rounds == 1:
        return
    halvings = 2 ** (rounds - 1)
    if trials_by_round(per_arm, rounds)[-1] - 1 < _LEAST:
        message = (
            f"tune.rounds: of {per_arm:,} trials of an arm fewer than {_LEAST} would reach the last of {rounds} rounds"
        )
        hint = f"give per_arm {halvings + 2:,} or more, or take fewer rounds: the trial as written is not counted"
        raise written.error(message, "rounds", hint=hint)
    for name, config in configs.items():
        if (epochs := config.optim.epochs) < halvings:
            message = (
                f"tune.rounds: arm {echo(name)} trains {plural(epochs, 'epoch')}, and the first of {rounds} rounds"
            )
            hint = f"set optim.epochs to {halvings:,} or more, or take fewer rounds"
            raise written.error(f"{message} would have less than one", "rounds", hint=hint)
