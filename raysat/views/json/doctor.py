"""What was found on machines, as a document."""

from __future__ import annotations

from collections.abc import Sequence

from raysat.documents.doctor import CheckPart, DoctorDocument, MachinePart
from raysat.execution.doctor.check import Machine


def doctor_document(machines: Sequence[Machine]) -> DoctorDocument:
    """Return the document of what was found.

    Args:
        machines: this one first.
    """
    levels = [check.level for machine in machines for check in machine.checks]
    return DoctorDocument(
        faults=levels.count("fault"),
        warnings=levels.count("warning"),
        machines=tuple(
            MachinePart(place=machine.place, checks=tuple(map(CheckPart.model_validate, machine.checks)))
            for machine in machines
        ),
    )
