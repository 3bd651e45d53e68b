"""A fitted readout: the numbers that turn a network's logits into those of its trial, as records keep them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from raysat.files import FileModel
from raysat.files.fields import MAX_CLASSES, Id, Line, Number

_ByClass = Annotated[tuple[Number, ...], Field(min_length=1, max_length=MAX_CLASSES)]


class FittedReadout(FileModel):
    """Probabilities are softmax((scale * logits + offset) / temperature), perhaps averaged over symmetries of a patch.

    Logits are those of the posterior that the loss is trained for. What a readout changes in the network itself is in
    its weights.
    """

    kind: Id
    scale: _ByClass | None = None  # by class; None is 1
    offset: _ByClass | None = None  # by class; None is 0
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    dihedral: bool = False  # whether probabilities are averaged over flips and quarter turns
    chosen: dict[Line, Number] = Field(default_factory=dict)  # what was chosen or fitted, by name, for display

    @model_validator(mode="after")
    def _of_as_many_classes(self) -> Self:
        if self.scale and self.offset and len(self.scale) != len(self.offset):
            raise ValueError(f"scales of {len(self.scale)} classes, offsets of {len(self.offset)}")
        return self

    @property
    def classes(self) -> int | None:
        """How many it has numbers for; None where it takes any."""
        by_class = self.scale or self.offset
        return len(by_class) if by_class else None
