"""Energy that a worker's training takes, by codecarbon: kilowatt-hours alone, without the network and without a file.

codecarbon reads the counters of GPUs (NVML) and, where the system lets it, of processors (RAPL); else it estimates a
processor by its load and rated power, and memory by its size. Its threads look once a second and add up every 15.

It knows the whole machine. A trial is given its part of that: of processor and memory as many cores as its workers have
of all, of GPUs as many as they have of those that it sees. So trials that share a machine add up to what they take of
it, and the rest of it, idle, counts for nobody.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from raysat.execution.workers.worker_context import SlotSettings
from raysat.installation import extra_module
from raysat.storage.records import Energy

EXTRA: Final = "energy"
_EVERY_S: Final = 15.0


def check_energy() -> None:
    """Raise InstallationError where energy cannot be measured here, as codecarbon is not installed."""
    extra_module("codecarbon", extra=EXTRA)


class EnergyMeter:
    """Tells what one job takes of energy, from one time that it is asked to the next."""

    def __init__(self, machine: MachineMeter, settings: SlotSettings, epoch: int) -> None:
        """Begin.

        Args:
            machine: what measures it.
            settings: what the job's workers have of it.
            epoch: that the job begins after.
        """
        self._cores = min(1.0, settings.cpus * settings.workers / (os.cpu_count() or 1))
        self._gpus = settings.gpus * settings.workers
        self._machine, self._epoch = machine, epoch
        machine.read()  # what went before is another's

    def take(self, epoch: int) -> Energy | None:
        """What was taken since it was last asked; None where nothing is known, or nothing was trained.

        Args:
            epoch: that training has come to.
        """
        found, epochs = self._machine.read(), epoch - self._epoch
        self._epoch = epoch
        if found is None or not epochs:
            return None
        per_gpu = found.gpu_energy / found.gpu_count if found.gpu_count else 0.0
        kwh = (found.cpu_energy + found.ram_energy) * self._cores + per_gpu * self._gpus
        by = self._machine.by + (", GPUs by their counters" if self._gpus else "")
        return Energy(kwh=max(0.0, kwh), epochs=epochs, by=by)


def energy_meter(settings: SlotSettings, *, epoch: int, leads: bool) -> EnergyMeter | None:
    """Return what measures a job's energy; None where none is asked for, and where codecarbon cannot begin.

    Args:
        settings: of the slot.
        epoch: that the job begins after.
        leads: whether this worker speaks for the job; of several workers one does.
    """
    machine = _machine_meter() if settings.energy and leads else None
    return None if machine is None else EnergyMeter(machine, settings, epoch)


class _Kept:
    """Is given what was taken since the last time, by processor, memory and GPUs; codecarbon calls it an output."""

    delta: Any = None

    def out(self, total: Any, delta: Any) -> None:
        """When the meter is read."""
        self.delta = delta

    def live_out(self, total: Any, delta: Any) -> None:
        """From time to time."""

    def task_out(self, data: Any, experiment_name: Any) -> None:
        """Of tasks, which there are none of."""

    def exit(self) -> None:
        """At the end."""


class MachineMeter:
    """codecarbon, running as long as this process does."""

    def __init__(self) -> None:
        codecarbon = extra_module("codecarbon", extra=EXTRA)
        logging.getLogger("codecarbon").setLevel(logging.CRITICAL)  # before it is told so itself
        self._kept = _Kept()
        self._tracker = codecarbon.OfflineEmissionsTracker(
            measure_power_secs=_EVERY_S,
            api_call_interval=-1,
            output_methods=[],
            output_handlers=[self._kept],
            emissions_endpoint=None,
            electricitymaps_api_token=None,
            force_carbon_intensity_g_co2e_kwh=0.0,  # no country is known, so no emission is: nothing is looked up
            tracking_mode="machine",
            log_level="critical",
            allow_multiple_runs=True,
        )
        self._tracker.start()
        processor = extra_module("codecarbon.core.cpu", extra=EXTRA)
        counted = processor.is_rapl_available()
        how = "processor by RAPL" if counted else "processor by its load and rated power"
        self.by = f"codecarbon {version('codecarbon')}: {how}, memory by its size"

    def read(self) -> Any:
        """What the machine took since the last time; None where codecarbon could not tell."""
        self._kept.delta = None
        self._tracker.flush()
        return self._kept.delta


@lru_cache(maxsize=1)
def _machine_meter() -> MachineMeter | None:
    """One for all jobs of a process; None where codecarbon is not there."""
    try:
        return MachineMeter()
    except ImportError:
        return None
    except Exception:  # of the many libraries that it asks for hardware: training does not need it
        logging.getLogger(__name__).warning("energy is not measured: codecarbon cannot start here", exc_info=True)
        return None
