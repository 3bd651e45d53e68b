"""What is asked of a measurement of trainings side by side, and what it found; both cross a process as JSON."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

from annotated_types import Ge, Le, MinLen

from raysat.config.plugins.source import PluginSource
from raysat.config.plugins.use import sources_of, use_plugin
from raysat.config.schema import Config
from raysat.data.store import PatchStore
from raysat.files import FileModel
from raysat.files.fields import Amount, Line
from raysat.training.packing.mps import Mps

MOST: Final = 8  # trainings side by side: beyond these each has a sliver of a card
MOST_HELD: Final = 0.4  # of a card's memory, for the patches that trainings share; the rest is for networks
ROOM: Final = 0.9  # of a card's memory, for all that trains there
GAIN: Final = 1.1  # what twice as many trainings must do more, to be worth their memory


class PackingRequest(FileModel):
    """Networks, and the shape of what they train on."""

    format: Literal[1] = 1
    networks: Annotated[tuple[Config, ...], MinLen(1)]  # the one that trains most comes first: its steps are timed
    bands: tuple[Line, ...]
    classes: Annotated[int, Ge(2)]
    sensor: Line | None
    size: tuple[int, int]  # height and width of a patch
    dtype: Line
    most: Annotated[int, Ge(1), Le(MOST)]  # trainings side by side
    eager: bool = False  # steps are launched, not replayed

    @classmethod
    def of(
        cls, networks: tuple[Config, ...], store: PatchStore, *, most: int = MOST, eager: bool = False
    ) -> PackingRequest:
        """Ask for networks on a store's kind of patches.

        Args:
            networks: that are to train, the one that trains most first.
            store: of the patches.
            most: trainings side by side.
            eager: launch steps, do not replay them.

        Returns:
            The request.
        """
        return cls(
            networks=networks,
            bands=store.bands,
            classes=len(store.classes),
            sensor=store.sensor,
            size=(int(store.images.shape[2]), int(store.images.shape[3])),
            dtype=str(store.images.dtype),
            most=most,
            eager=eager,
        )


class _Plugins(FileModel):
    """The plugins whose models a request has: without them it cannot be read."""

    plugins: tuple[PluginSource, ...] = ()


def request_text(request: PackingRequest) -> str:
    """A request as JSON, for a process that knows no plugin: with the texts of those that it needs."""
    plugins = _Plugins(plugins=sources_of(request.networks))
    return json.dumps(request.model_dump(mode="json") | plugins.model_dump(mode="json"))


def read_request(text: str) -> PackingRequest:
    """Read what ``request_text`` wrote; loads its plugins. Raises ValidationError, PluginError."""
    for source in _Plugins.model_validate_json(text).plugins:
        use_plugin(source)
    return PackingRequest.model_validate_json(text)


class Packing(FileModel):
    """What a device did."""

    format: Literal[1] = 1
    device: Line  # its name
    memory: Annotated[int, Ge(0)]  # bytes of the device; 0 for a CPU, whose memory is not counted
    need: Annotated[int, Ge(0)]  # bytes that one training takes, patches left out
    rates: Annotated[tuple[Amount, ...], MinLen(1)]  # patches/s in all, of 1, 2, 4, ... side by side
    mps: Mps
