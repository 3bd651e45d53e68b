"""What a plan says of pretrained weights: on whose terms they are, and which bands of the store they know."""

from __future__ import annotations

from pathlib import Path

from raysat.config.schema import Model
from raysat.data.weights.about import PREFIX
from raysat.data.weights.fit import map_bands
from raysat.data.weights.source import Source
from raysat.planning.build import Plan


def weights_notes(plan: Plan) -> tuple[str, ...]:
    """Return a line on each weights and bands that trials of a plan start from.

    Raises:
        PlanError: a file that is gone since the plan was made.
        BandError: as ``map_bands``.
    """
    models = [(trial.trial.config.model, trial.trial.config.data.bands) for trial in plan.trials]
    used = [(model.weights, tuple(map(str, bands))) for model, bands in models if isinstance(model, Model)]
    notes = []
    for weights, bands in dict.fromkeys(used):
        if weights is None:
            continue
        about = Source.of(weights).about
        sources = map_bands(about, bands=bands, sensor=plan.store.sensor).sources
        name = weights.removeprefix(PREFIX) if weights.startswith(PREFIX) else Path(weights).name
        own = [band for band, source in zip(bands, sources, strict=True) if source is None]
        known = f"all {len(bands)} bands" if not own else f"{len(bands) - len(own)} of {len(bands)} bands"
        known = f"{known}, made of their wavelengths" if about.generated else known
        alone = f"; {', '.join(own)} take the mean of all kernels" if own else ""
        notes.append(f"{name} (licence {about.licence}) has kernels of {known}{alone}")
    return tuple(dict.fromkeys(notes))
