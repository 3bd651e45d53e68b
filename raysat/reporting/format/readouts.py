"""Readouts that were fitted to val or to the training patches: what came out, by arm and seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.formatting import NONE, one_line
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.format.cells import whole_cell, words
from raysat.reporting.format.document import Block, Text
from raysat.reporting.format.sentences import arm_label
from raysat.reporting.format.table import Heading, Table, make_table
from raysat.storage.records import Record

_ON_VAL: Final = (
    "What is chosen was chosen on val, by its labels: an arm's figures on val are then too good, those on test are "
    "not. Log loss and calibration are those after the readout."
)

_SHOWN: Final = 10  # values in a cell


def readout_sentences(analysis: Analysis) -> Iterator[str]:
    """Say which arms were chosen on the very patches that are reported, where any were."""
    arms = [
        arm_label(analysis, arm.name)
        for arm in analysis.ranked
        if any(record.readout and record.readout.chosen for record in analysis.predictions.records_of(arm.name))
    ]
    if arms and analysis.board.reported == "val":
        yield (
            f"Readouts: of {', '.join(arms)} they were chosen on val, the split that is reported, so their figures are "
            "too good; a store with test patches would tell."
        )


def readout_blocks(analysis: Analysis) -> Iterator[Block]:
    """Yield what the readouts of arms chose, where any chose something."""
    if (table := _table(analysis)) is not None:
        yield table
        yield Text(_ON_VAL)


def _table(analysis: Analysis) -> Table | None:
    chosen = {
        arm.name: list(zip(arm.seeds, analysis.predictions.records_of(arm.name), strict=True))
        for arm in analysis.ranked
    }
    rows = [
        (arm, seed, record)
        for arm, records in chosen.items()
        for seed, record in records
        if record.readout is not None and record.readout.chosen
    ]
    if not rows:
        return None
    return make_table(
        "readouts",
        "What readouts chose on val, a row for each seed.",
        [
            (Heading(text="arm", words=True), [words(arm_label(analysis, arm)) for arm, _, _ in rows]),
            (Heading(text="seed"), [whole_cell(seed) for _, seed, _ in rows]),
            (Heading(text="readout", words=True), [words(_kind(record)) for _, _, record in rows]),
            (Heading(text="chosen", words=True), [words(_chosen(record)) for _, _, record in rows]),
        ],
    )


def _kind(record: Record) -> str:
    return NONE if record.readout is None else record.readout.kind.replace("_", " ")


def _chosen(record: Record) -> str:
    chosen = {} if record.readout is None else record.readout.chosen
    shown = [f"{name} {value:.3g}" for name, value in list(chosen.items())[:_SHOWN]]
    more = [f"{len(chosen) - _SHOWN} more in record.json"] if len(chosen) > _SHOWN else []
    return one_line(", ".join(shown + more)) or NONE
