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
    notes = []
    for trial in plan.trials:
        model, bands = trial.trial.config.model, [str(band) for band in trial.trial.config.data.bands]
        if not isinstance(model, Model) or model.weights is None:
            continue
        about = Source.of(model.weights).about
        sources = map_bands(about, bands=bands, sensor=plan.store.sensor).sources
        name = model.weights.removeprefix(PREFIX) if model.weights.startswith(PREFIX) else Path(model.weights).name
        own = [band for band, source in zip(bands, sources, strict=True) if source is None]
        known = f"all {len(bands)} bands" if not own else f"{len(bands) - len(own)} of {len(bands)} bands"
        known = f"{known}, made of their wavelengths" if about.generated else known
        alone = f"; {', '.join(own)} take the mean of all kernels" if own else ""
        notes.append(f"{name} (licence {about.licence}) has kernels of {known}{alone}")
    return tuple(dict.fromkeys(notes))
