"""The text of a first study of a store: a question about its classes, at a size that its patches allow.

Where training is imbalanced, the arms are LDAM and deferred reweighting, each on its own and together; where all
classes have as many patches, flips and weight averaging. Names from the store stand in comments alone, on one line
each, so that none of them can mean anything to YAML.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

import numpy as np

from raysat.config.yaml_syntax import YamlSyntaxError
from raysat.config.yaml_tree import build
from raysat.data.bands import COMPOSITES, resolve
from raysat.data.patch_store import PatchStore
from raysat.errors import BandError, UsageError
from raysat.files import SAFE_NAME
from raysat.formatting import elide_line, plural, visible
from raysat.metrics.power import seeds_needed

_WIDTH: Final = 118  # columns of a comment
_NAME: Final = 40  # characters of a name from the store
_LISTED: Final = 12  # classes, and bands, that are named
_IMBALANCED: Final = 1.5  # patches of the largest class over those of the smallest
_SMALL: Final = 1_000  # training patches below which the smallest network is enough to learn from
_BATCHES: Final = ((50_000, 128), (10_000, 64), (128, 32))  # images of a step from so many training patches on
_STEPS: Final = {"test_resnet": 400, "resnet18": 4_000}  # that a trial of a network trains, as far as epochs allow
_EPOCHS: Final = (10, 60)
_COMPARISONS: Final = 3  # of four arms with the baseline
_IMBALANCE: Final = """\
grid:
  loss: [{kind: cross_entropy}, {kind: ldam}]   # LDAM: the rarer a class, the clearer it must win
  reweight: [{kind: none}, {kind: drw}]         # DRW: rare classes weigh more, late in training
# Further axes; each doubles the arms, and more arms need more seeds:
#   sampler: [{kind: uniform}, {kind: inverse_frequency}]
#   augment: [{kind: none}, {kind: dihedral}]
#   average: [{kind: none}, {kind: swa}]
"""
_BALANCE: Final = """\
grid:
  augment: [{kind: none}, {kind: dihedral}]   # a random flip and quarter turn of each patch
  average: [{kind: none}, {kind: swa}]        # SWA: averages snapshots of the weights along training
# Further axes; each doubles the arms, and more arms need more seeds:
#   schedule: [{kind: constant}, {kind: cosine}]
#   optim: [{kind: adam}, {kind: adamw}]
"""


def first_study(store: PatchStore, *, data: str, file: PurePath, command: str, sees: str | None = None) -> str:
    """Write a study of a store.

    Args:
        store: what it is to be trained on.
        data: what that is called.
        file: where the study is to lie; names it.
        command: what follows ``raysat plan`` and ``raysat ablate``.
        sees: which differences it can see, where that is known.

    Returns:
        YAML with comments.

    Raises:
        UsageError: a store with a single class, of which nothing can be compared.
    """
    if len(store.classes) < 2:
        raise UsageError(f"{data} has a single class", hint="a study compares how classes are told apart")
    counts = store.counts("train")
    patches, smallest = int(counts.sum()), int(counts.min())
    is_imbalanced = counts.max() > _IMBALANCED * max(1, smallest)
    model = "test_resnet" if store.synthetic or patches < _SMALL else "resnet18"
    batch = next((size for least, size in _BATCHES if patches >= least), _largest_power(patches / 4))
    epochs = int(np.clip(math.ceil(_STEPS[model] / max(1, patches // batch)), *_EPOCHS))
    steps = plural(epochs * max(1, patches // batch), "step")
    question = (
        "do LDAM and deferred reweighting (DRW) help the rare classes, each on its own and together?"
        if is_imbalanced
        else "do flips, and averaging the weights, help: each on its own and together?"
    )
    lines = [
        *_comment(f"A first study of {_shown(data)}: {question}"),
        "#",
        *_comment(_patches(store)),
        *_comment(_bands(store)),
        *_classes(store),
        "#",
        *(f"#   {visible(line)}" for line in (f"raysat plan {command}", f"raysat ablate {command}", _report(file))),
        "#",
        "# raysat methods says what else there is to compare; raysat schema > study.schema.json lets an editor help.",
        f"study: {_scalar(study_name(file))}",
        "base:",
        f"  data: {{bands: all}}   # {_composites(store)}",
        f"  model: {{name: {model}}}   # {_of_model(model, patches)}",
        f"  optim: {{kind: adam, lr: 1.0e-3, batch_size: {batch}, epochs: {epochs}}}   # {steps} a trial",
        *_comment(
            f"{seeds()} seeds: the fewest with which a paired test can see the strongest of {_COMPARISONS} comparisons "
            f"with the baseline at 5 %, after Holm; raysat power {command} says how many a difference needs."
        ),
        *(_comment(f"With these: {sees}.") if sees else ()),
        f"seeds: {seeds()}",
    ]
    return "\n".join(lines) + "\n" + (_IMBALANCE if is_imbalanced else _BALANCE)


def seeds() -> int:
    """How many a first study has."""
    return seeds_needed(_COMPARISONS)


def study_name(file: PurePath) -> str:
    """What a study in this file is called: a name that can be one of a folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._")[:100]
    return name if SAFE_NAME.fullmatch(name) else "study"


def _report(file: PurePath) -> str:
    return f"raysat report runs/{study_name(file)}"


def _scalar(text: str) -> str:
    """Text as YAML reads it back as text."""
    try:
        return text if build(text)[0] == text else json.dumps(text)
    except YamlSyntaxError:
        return json.dumps(text)


def _patches(store: PatchStore) -> str:
    n, _, height, width = store.images.shape
    splits = [f"{n:,} {split}" for split in ("train", "val", "test") if (n := len(store.indices(split)))]
    simulated = ", simulated" if store.synthetic else ""
    return f"  patches    {' / '.join(splits)}, {height} x {width} pixels, {store.images.dtype}{simulated}"


def _bands(store: PatchStore) -> str:
    named = ", ".join(map(_shown, store.bands[:_LISTED])) + ", ..." * (len(store.bands) > _LISTED)
    of = f" of {store.sensor}" if store.sensor else ""
    return f"  bands      {len(store.bands)}{of}: {named}"


def _classes(store: PatchStore) -> Iterator[str]:
    """The classes by their share of training."""
    counts = store.counts("train")
    order = sorted(range(len(counts)), key=lambda label: -int(counts[label]))
    shown = order if len(order) <= _LISTED else [*order[: _LISTED - 3], *order[-3:]]
    of_order = ", in an order that has a meaning" if store.ordinal else ""
    yield from _comment(f"  classes    {len(counts)}{of_order}; training patches of each:")
    for place, label in enumerate(shown):
        if len(shown) < len(order) and place == _LISTED - 3:
            yield f"#     ... {len(order) - len(shown)} more ..."
        share = 100 * counts[label] / max(1, counts.sum())
        yield f"#     {int(counts[label]):>9,}  {share:4.1f} %  {_shown(store.classes[label])}"


def _composites(store: PatchStore) -> str:
    found = []
    for name in COMPOSITES:
        try:
            resolve(name, available=store.bands, sensor=store.sensor)
        except BandError:
            continue
        found.append(name)
    return f"or three of them: {', '.join(found[:5])}" if found else "or a list of some by name"


def _of_model(model: str, patches: int) -> str:
    if model == "resnet18":
        return "any network of timm"
    few = "patches are few: " if patches < _SMALL else ""
    return f"{few}timm's smallest ResNet, minutes on a laptop; else resnet18"


def _largest_power(most: float) -> int:
    """The largest power of two up to a number, and at least 2: batch norm needs as many."""
    return max(2, 1 << int(math.log2(max(1.0, most))))


def _comment(text: str) -> list[str]:
    """Lines of comment, broken at blanks."""
    text = visible(text)
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent=f"# {indent}", break_long_words=False)


def _shown(name: str) -> str:
    """A name from outside on one line, without what YAML forbids."""
    return elide_line(name, _NAME).strip() or "(no name)"
