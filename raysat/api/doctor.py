"""Whether machines are fit for a study, before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from typing_extensions import override

from raysat.config.arguments import checked
from raysat.execution.doctor.check import Check, Machine
from raysat.execution.doctor.machine import look_over
from raysat.files import AnyPath
from raysat.views.doctor import show_diagnosis
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Diagnosis(Shown):
    """What was found on this machine and, of a cluster, on each of its nodes."""

    machines: tuple[Machine, ...]

    def __repr__(self) -> str:
        return f"<Diagnosis: {len(self.machines)} machines, {len(self.faults)} faults>"

    @property
    def faults(self) -> tuple[Check, ...]:
        """What must be mended before a study runs."""
        return tuple(check for machine in self.machines for check in machine.checks if check.level == "fault")

    def to_frame(self) -> pd.DataFrame:
        """A row per machine and check: what was found, its level (ok, warning or fault), and what to do."""
        import pandas as pd

        rows = [
            (machine.place, check.name, check.found, check.level, check.remedy)
            for machine in self.machines
            for check in machine.checks
        ]
        return pd.DataFrame(rows, columns=["machine", "check", "found", "level", "remedy"])

    @override
    def show(self, console: Console) -> None:
        show_diagnosis(self.machines, console)


@checked
def doctor(address: str | None = None, *, out: AnyPath | Path | str = "runs") -> Diagnosis:
    """Look over this machine: versions, memory, disks, limits, NVIDIA's driver and each card.

    Args:
        address: of a cluster, each of whose nodes is looked over, too; None for this machine alone.
        out: where runs will go, a path or URL.

    Returns:
        What was found; nothing is changed.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    machines = [Machine(place="this machine", checks=look_over(str(out)))]
    if address not in (None, "local"):
        from raysat.execution.doctor.nodes import look_over_nodes  # imports Ray, which may be what is broken

        machines += look_over_nodes(address, str(out))
    return Diagnosis(machines=tuple(machines))
