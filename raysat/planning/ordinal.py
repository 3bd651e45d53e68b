"""What a store leaves of a loss for ordered classes: an order that it does not vouch for, or two classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, Ordinal, SoftOrdinal
from raysat.config.schema import Config

# What each is called, and what it is where there are two classes.
_OF_TWO: Final[Mapping[type[Ordinal], tuple[str, str]]] = {
    Corn: ("CORN", "is binary cross-entropy of one score"),
    Coral: ("CORAL", "is binary cross-entropy of one score"),
    CdwCe: ("CDW-CE", "is plain cross-entropy"),
    Emd2: ("squared EMD", "is the squared error of the true class's probability"),
    SoftOrdinal: ("cross-entropy with soft ordinal labels", "is that with label smoothing"),
}


def order_sentences(config: Config, *, classes: int, ordinal: bool) -> Iterator[str]:
    """Yield what is to be said of a configuration.

    Args:
        config: of an arm.
        classes: how many the store has.
        ordinal: whether the store says that their order has a meaning.
    """
    if not isinstance(config.loss, Ordinal):
        return
    name, of_two = _OF_TWO[type(config.loss)]
    if classes == 2:
        yield f"{name} {of_two}: there are two classes"
    elif not ordinal:
        yield f"{name} takes the classes as they are listed: the store does not say that this order has a meaning"
