"""Learning curves of arms over their seeds, from the histories of finished trials, each of which is read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.board.models import Band, CurveView
from raysat.errors import StorageError
from raysat.files import map_at_once
from raysat.metrics.power import LEVEL
from raysat.storage.ledger import Ledger

METRICS: Final = ("balanced_accuracy", "icv", "loss")
_KEPT: Final = 2_000  # histories: of 40 epochs a kilobyte each, of 10,000 a quarter of a megabyte
_DIGITS: Final = 5

_Floats = npt.NDArray[np.float64]


class Curves:
    """Reads curves, and keeps those that were asked for last."""

    def __init__(self, ledger: Ledger) -> None:
        """Read nothing yet; ``ledger`` is of the run."""
        self._ledger, self._lock = ledger, Lock()
        self._kept: OrderedDict[str, _Floats | str] = OrderedDict()

    def of_arm(self, arm: int, trials: Sequence[str]) -> CurveView:
        """Return the curves of an arm over some finished trials, as far as all of them go."""
        read = map_at_once(self._ledger.root, self._history, trials)
        found = [history for history in read if not isinstance(history, str)]
        fault = next((history for history in read if isinstance(history, str)), None)
        length = min((history.shape[1] for history in found), default=0)
        values = np.array([history[:, :length] for history in found]).reshape(len(found), 1 + len(METRICS), length)
        bands = {name: _band(values[:, 1 + place]) for place, name in enumerate(METRICS)}
        epochs = tuple(map(int, values[0, 0])) if found else ()
        return CurveView(arm=arm, n=len(found), epochs=epochs, fault=fault, **bands)

    def _history(self, trial: str) -> _Floats | str:
        """Epochs and metrics (1 + M, E) of a trial, NaN where there is no number; or why there are none."""
        with self._lock:
            if trial in self._kept:
                self._kept.move_to_end(trial)
                return self._kept[trial]
        try:
            rows = self._ledger.read_history(trial)
            columns = ("epoch", *METRICS)
            found: _Floats | str = np.array([[row.get(name, np.nan) for row in rows] for name in columns])
            if not np.isfinite(found[0]).all():
                found = f"the learning curve of trial {trial} does not count its epochs"
        except StorageError as error:
            found = error.message
        with self._lock:
            self._kept[trial] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _band(values: _Floats) -> Band:
    """Mean, range and interval of (S, E) values over seeds."""
    n = len(values)
    if not n:
        return Band(mean=(), low=(), high=(), half=())
    mean, half = values.mean(axis=0), np.full(values.shape[1], np.nan)
    if n > 1:
        from scipy.special import stdtrit  # noqa: PLC0415  (a fifth of a second, that a board of one seed does without)

        half = stdtrit(n - 1, 1 - LEVEL / 2) * values.std(axis=0, ddof=1) / np.sqrt(n)
    return Band(mean=_sent(mean), low=_sent(values.min(axis=0)), high=_sent(values.max(axis=0)), half=_sent(half))


def _sent(values: _Floats) -> tuple[float | None, ...]:
    """Numbers as they are sent: short, and None for those that are none."""
    return tuple(round(value, _DIGITS) if np.isfinite(value) else None for value in values.tolist())
