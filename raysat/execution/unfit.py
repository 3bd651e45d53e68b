"""A node that cannot do a run's jobs and gets no more of them: an error of its worker that names node and reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfitNode:
    """A node and what is wrong with it: other versions, or a card with errors."""

    node: str  # Ray's id
    place: str  # address and name of the machine
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class UnfitNodeError(Exception):
    """Is no fault of the job's, which goes on elsewhere."""

    def __init__(self, unfit: UnfitNode) -> None:
        super().__init__(unfit)
        self.unfit = unfit
