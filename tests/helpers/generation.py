"""What the tests of generators share: the work of a tiny DC-GAN or flow."""

from __future__ import annotations

from typing import Any, Final

from raysat.config.families.synthetic import Dcgan, Flow
from raysat.config.schema import Generation

GAN: Final = Dcgan(steps=3, batch_size=4, width=4, latent=8)
FLOW: Final = Flow(steps=3, batch_size=4, width=8)


def work(
    label: int = 1,
    *,
    of: Dcgan | Flow = GAN,
    bands: tuple[str, ...] = ("B5", "B2"),
    patches: int = 5,
    **settings: Any,
) -> Generation:
    """A class, its bands, and the settings of a tiny generator."""
    generator = type(of).model_validate(of.model_dump() | settings)
    return Generation(label=label, bands=bands, patches=patches, generator=generator)


def beyond(work: Generation, **settings: Any) -> Generation:
    """The same with settings that no study may have, so that its training fails."""
    return work.model_copy(update={"generator": work.generator.model_copy(update=settings)})
