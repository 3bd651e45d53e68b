"""Made-up trials whose states overlap as a test wants."""

from raysat.config.schema import Config, Trial
from raysat.planning.jobs import PlannedTrial


def way(name: str, epochs: int, shared: tuple[str, ...] = ()) -> PlannedTrial:
    """A trial of 10 images an epoch whose first states are those of another."""
    config = Config.model_validate({"optim": {"kind": "adam", "epochs": epochs}})
    states = (*shared, *(f"{name}.{epoch}" for epoch in range(len(shared), epochs + 1)))
    return PlannedTrial(id=name, arm=name, trial=Trial(config=config, seed=0), samples_seen=10 * epochs, states=states)
