"""The table of generators: how good their patches are, each figure beside that of real held-out patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.formatting import NONE, duration, one_line
from raysat.reporting.analysis.generators import QUALITY, Generator
from raysat.reporting.format.cells import whole_cell, words
from raysat.reporting.format.numbers import quality
from raysat.reporting.format.sentences import YARDSTICK
from raysat.reporting.format.table import Cell, Heading, Table, make_table

# The room for names below which a narrow table leaves a figure out.
_NAMES: Final = {"dcgan": "DC-GAN", "flow": "flow"}
_ROOM: Final = {"index_distance": 20, "nearest_real": 18}


def generator_notes(generators: Sequence[Generator]) -> list[str]:
    """What to know of generators before trusting their patches."""
    records = [generator.record for generator in generators]
    return [f"{one_line(record.class_name)}: {one_line(record.note)}" for record in records if record.note]


def generator_table(generators: Sequence[Generator]) -> Table:
    """A row per generator."""

    def figure(generator: Generator, key: str) -> Cell:
        value, real = generator.figures(key)
        return Cell(text=quality(value), value=value, below=f"({quality(real)})")

    records = [generator.record for generator in generators]
    verdicts = ["collapsed" if record.collapsed else "not collapsed" for record in records]
    figures = [
        (Heading(text=label, room=_ROOM.get(key, 0)), [figure(generator, key) for generator in generators])
        for key, label in QUALITY.items()
    ]
    return make_table(
        "generators",
        YARDSTICK,
        [
            (Heading(text="class", words=True), [words(record.class_name) for record in records]),
            (Heading(text="by", words=True), [words(_NAMES[record.kind]) for record in records]),
            (Heading(text="real", below="patches", short="real"), [whole_cell(record.real) for record in records]),
            (Heading(text="made", below="patches", short="made"), [whole_cell(record.patches) for record in records]),
            *figures,
            (Heading(text="index", words=True, room=30), [words(record.quality.index or NONE) for record in records]),
            (Heading(text="bands", words=True, room=40), [words("-".join(record.bands)) for record in records]),
            (Heading(text="steps", room=30), [whole_cell(record.steps) for record in records]),
            (Heading(text="time"), [Cell(text=duration(record.seconds), value=record.seconds) for record in records]),
            (Heading(text="verdict", words=True, room=20), list(map(words, verdicts))),
        ],
    )
