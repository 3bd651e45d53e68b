"""What a study is planned on: its data, or each of its stores or folds; folds are made with a bar where they lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from raysat.cli.console import progress_bar

if TYPE_CHECKING:
    from raysat.api.stores import Store
    from raysat.study.load import Study


def study_data(study: Study, data: str | None) -> Sequence[Store | str | None]:
    """Return each store that a study is planned on.

    Args:
        study: to plan.
        data: of ``--data``: of a study of several stores or of folds, one of them, or the store to split.
    """
    if study.folds is not None and data is not None:
        from raysat.api.folds import fold_stores

        with ExitStack() as stack:
            begun: list[Callable[[str, int, int], None]] = []

            def move(done: int, total: int) -> None:
                if not begun:  # where folds are found in the cache there is nothing to draw
                    begun.append(stack.enter_context(progress_bar()))
                begun[0]("making folds", done, total)

            return fold_stores(study, data, progress=move)
    return (data,) if data else study.stores or (None,)
