"""How much of a run a tracker has."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from typing_extensions import override

from raysat.files import AnyPath
from raysat.formatting import plural
from raysat.tracking.models import NAMES, Sent, TrackerKind
from raysat.views.shown import Shown

_SHOWN: Final = 5  # trials that were left out


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tracked(Shown):
    """How much of a run a tracker has."""

    path: AnyPath  # of the run
    to: TrackerKind
    place: str  # where it is, in words
    sent: int  # trials, those included that were there before
    total: int  # trials that the study asks for
    left: tuple[str, ...]  # why a trial was left out: it failed, or its record is damaged
    error: str | None  # why there may be more to send

    def __repr__(self) -> str:
        return f"<Tracked {str(self.path)!r} to {self.to}: {self.sent} of {plural(self.total, 'trial')}>"

    @classmethod
    def of(cls, run: AnyPath, sent: Sent) -> Tracked:
        """What the process that tracked a run has told."""
        known = {name: getattr(sent, name) for name in ("place", "sent", "total", "left", "error")}
        return cls(path=run, to=sent.kind, **known)

    @property
    def line(self) -> str:
        """It in one line, with what sends the rest."""
        said = f"{self.sent} of {plural(self.total, 'trial')} sent to {self.place or NAMES[self.to]}"
        rest = f"raysat track {shlex.quote(str(self.path))} --to {self.to}"
        return said if self.error is None else f"{said} ({self.error}); the rest: {rest}"

    @override
    def show(self, console: Console) -> None:
        console.print(f"tracking   {self.line}")
        for line in self.left[:_SHOWN]:
            console.print(f"left out   {line}")
        if (more := len(self.left) - _SHOWN) > 0:
            console.print(f"... {plural(more, 'more trial')} left out", style="dim")
