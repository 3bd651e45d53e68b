"""The events of a run, or of an arm or a trial alone."""

from __future__ import annotations

from raysat.errors import UsageError, suggest
from raysat.files import file_exists
from raysat.storage.event_log import LoggedEvent, read_events
from raysat.storage.ledger import Ledger


def events_of(ledger: Ledger, arm: str | None = None, seed: int | None = None) -> list[LoggedEvent]:
    """Read what happened in a run, the earliest first.

    Args:
        ledger: of the run, or of a search.
        arm: what happened to its trials alone; also the name of a candidate, or of a generator: ``generate rare``.
        seed: what happened to trials with it alone.

    Returns:
        The events. A trial that several arms have is called by the first of them, and found by each.

    Raises:
        UsageError: no trial has this arm and seed.
        StorageError: the log or the plan is damaged.
    """
    events = read_events(ledger.root)
    if arm is None and seed is None:
        return events
    arms = ledger.read_plan().arms if file_exists(ledger.root / "plan.json") else ()
    ids = {trial.id for each in arms if arm in (None, each.name) for trial in each.trials if seed in (None, trial.seed)}
    found = [event for event in events if event.trial and (event.trial in ids or _is(event, arm, seed))]
    if not found and not ids:
        names = dict.fromkeys([*(each.name for each in arms), *(event.name for event in events if event.name)])
        if arm is not None and arm not in names:
            raise UsageError(f"{ledger.root} has no arm {arm!r}", hint=suggest(arm, list(names)))
        seeds = {trial.seed for each in arms for trial in each.trials}
        seeds |= {event.seed for event in events if event.seed is not None}
        hint = suggest(seed, map(str, sorted(seeds))) if seeds else "no trial of it has begun yet"
        raise UsageError(f"{ledger.root} has no trial of seed {seed}", hint=hint)
    return found


def _is(event: LoggedEvent, arm: str | None, seed: int | None) -> bool:
    """Whether an event is about a trial of a name and a seed, as far as these are given."""
    return arm in (None, event.name) and seed in (None, event.seed)
