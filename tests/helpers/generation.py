"""What the tests of generators share: a tiny DC-GAN's work."""

from __future__ import annotations

from typing import Any

from raysat.config.families.synthetic import Dcgan
from raysat.config.schema import Generation


def work(label: int = 1, *, bands: tuple[str, ...] = ("B5", "B2"), patches: int = 5, **settings: Any) -> Generation:
    """A class, its bands, and the settings of a tiny DC-GAN."""
    small = {"steps": 3, "batch_size": 4, "width": 4, "latent": 8} | settings
    return Generation(label=label, bands=bands, patches=patches, gan=Dcgan.model_validate(small))


def beyond(work: Generation, **settings: Any) -> Generation:
    """The same with settings that no study may have, so that its training fails."""
    return work.model_copy(update={"gan": work.gan.model_copy(update=settings)})
