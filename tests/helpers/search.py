"""Searches written in tests, and candidates that were never trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raysat.config.schema import Config
from raysat.search.load import Search, load_search
from raysat.search.log import Candidate, Identity, Log, Score
from raysat.search.options import NoPruner, Tpe
from raysat.study.distribution import ParamValue


def load(folder: Path, text: str, **options: Any) -> Search:
    """Load a search of this text."""
    file = folder / "hpo.yaml"
    file.write_text(text, encoding="utf-8")
    return load_search(file, **options)


def candidate(search: Search, number: int, params: dict[str, ParamValue] | None, **changes: Any) -> Candidate:
    """A candidate with these params, which is not trained yet."""
    config = search.base if params is None else search.config(params)
    return Candidate(number=number, job=f"{number:016x}", params=params, config=config).model_copy(update=changes)


def finished(search: Search, number: int, params: dict[str, ParamValue] | None, val: float, icv: float) -> Candidate:
    """A finished candidate with these scores on val; test is better, to catch who looks at it."""
    scores = {"val": Score(balanced_accuracy=val, icv=icv), "test": Score(balanced_accuracy=1 - val, icv=0.0)}
    return candidate(search, number, params, state="finished", curve=(val / 2, val), **scores)


def identity_of(base: Config) -> Identity:
    """Of a search around this base."""
    return Identity(base=base, seed=0, search={}, sampler=Tpe(), pruner=NoPruner(), data="fingerprint", workers=1)


def log_of(search: Search, candidates: list[Candidate], *, reported: str = "test") -> Log:
    """A log of these candidates."""
    patches = {"train": 100, "val": 50, "test": 49 if reported == "test" else 0}
    return Log(
        study=search.name,
        identity=identity_of(search.base),
        data="store",
        patches=patches,
        reported=reported,
        candidates=tuple(candidates),
    )
