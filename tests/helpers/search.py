"""Searches written in tests, and candidates that were never trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raysat.search.load import Search, load_search
from raysat.search.log import Candidate, Log, Score


def load(folder: Path, text: str, **options: Any) -> Search:
    """Load a search of this text."""
    file = folder / "hpo.yaml"
    file.write_text(text, encoding="utf-8")
    return load_search(file, **options)


def candidate(search: Search, number: int, drawn: dict[str, float | int] | None, **changes: Any) -> Candidate:
    """A candidate with these drawn values, which is not trained yet."""
    config = search.base if drawn is None else search.config(drawn)
    return Candidate(number=number, job=f"{number:016x}", drawn=drawn, config=config).model_copy(update=changes)


def finished(search: Search, number: int, drawn: dict[str, float | int] | None, val: float, icv: float) -> Candidate:
    """A finished candidate with these scores on val; test is better, to catch who looks at it."""
    scores = {"val": Score(balanced_accuracy=val, icv=icv), "test": Score(balanced_accuracy=1 - val, icv=0.0)}
    return candidate(search, number, drawn, state="finished", curve=(val / 2, val), **scores)


def log_of(search: Search, candidates: list[Candidate], *, reported: str = "test") -> Log:
    """A log of these candidates."""
    patches = {"train": 100, "val": 50, "test": 49 if reported == "test" else 0}
    return Log(
        study=search.name, identity={}, data="store", patches=patches, reported=reported, candidates=tuple(candidates)
    )
