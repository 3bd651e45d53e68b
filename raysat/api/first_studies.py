"""A first study of a store, written to a file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from typing_extensions import override

from raysat.api.power import power_of_plan
from raysat.api.stores import Store, as_store
from raysat.api.studies import Plan, plan
from raysat.config.arguments import checked
from raysat.config.yaml_tree import build
from raysat.data.importers.source import DEMO
from raysat.errors import UsageError, prefixed
from raysat.files import write_new
from raysat.formatting import one_line, plural
from raysat.study.first_study import first_study
from raysat.views.power import sees_line
from raysat.views.shown import Shown


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FirstStudy(Shown):
    """A study that was written for a store, and how it is planned there."""

    path: Path
    data: str  # what its store is called
    plan: Plan
    arguments: str  # of ``raysat plan`` and ``raysat ablate``

    def __repr__(self) -> str:
        return f"<FirstStudy {str(self.path)!r}: {self.plan!r}>"

    @override
    def show(self, console: Console) -> None:
        study = self.plan.study
        size = f"{plural(len(study.arms), 'arm')} x {plural(len(study.seeds), 'seed')}"
        console.print(f"wrote      {one_line(str(self.path))}: {size} on {one_line(self.data)}")
        console.print(f"next       raysat plan {self.arguments}", soft_wrap=True)
        console.print(f"           raysat ablate {self.arguments}", soft_wrap=True)
        console.print(f"           raysat report runs/{study.name}")


@checked
def init_study(data: Store | Path | str = DEMO, out: Path | str = "study.yaml") -> FirstStudy:
    """Write a commented study for a store, that can be planned and trained without an edit.

    It asks one question of the store's classes in four arms, at a size that the patches allow, with the fewest seeds
    that a paired test can see a difference with. Nothing is written where it could not be trained.

    Args:
        data: the patch store, its path or URL, or ``demo``.
        out: the file to write; none is replaced.

    Returns:
        Where it lies, and its plan.

    Raises:
        UsageError: the file is there; a store that no study can be trained on.
        DataError: the store cannot be read.
        DiskError: the file cannot be written.
    """
    if "://" in str(out):
        raise UsageError(f"a study is written on this machine, not to {one_line(str(out))}", hint="give {--out} a path")
    path = Path(out)
    there = UsageError(
        f"{one_line(str(path))} is there already", hint="name another file with {--out}, or move that one away"
    )
    if path.exists() or path.is_symlink():
        raise there
    store, name = as_store(data)
    arguments = shlex.join(["--space", str(path), *([] if name == DEMO else ["--data", name])])
    text = first_study(store, data=name, file=path, command=arguments)
    with prefixed(one_line(name)):
        planned = plan(build(text)[0], store)
    if (power := power_of_plan(planned)) is not None:
        text = first_study(store, data=name, file=path, command=arguments, sees=sees_line(power))
    if not write_new(path, text):
        raise there
    return FirstStudy(path=path, data=name, plan=planned, arguments=arguments)
