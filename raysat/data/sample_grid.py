"""Pictures of patches in a grid, all in one stretch: any groups of patches, and the contact sheet of a store."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from raysat.data.bands import Bands, picture_bands
from raysat.data.store import PatchStore
from raysat.data.summary import rows_of_class
from raysat.errors import UsageError
from raysat.files import write_unsynced, writing
from raysat.formatting import elide

FORMATS: Final = (".png", ".pdf", ".svg", ".jpg")
DPI: Final = 150
_CELL: Final = 1.1  # inches, the gap to the next patch included
_GAP: Final = 0.06  # inches between patches
_MARGIN: Final = 1.5  # inches left of the patches, for their group's name
_HEAD: Final = 0.55  # inches above them, for the title
_STRETCH: Final = (2, 98)  # percentiles shown as black and white
_GAMMA: Final = 0.75  # lifts the ground, which clouds would leave dark
_LONGEST: Final = 18  # letters of a name that fit the margin

Images = npt.NDArray[Any]  # (n, C, H, W), of one channel or of red, green and blue


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchGroup:
    """Patches that stand together in a picture, their name left of the first row."""

    name: str
    detail: str = ""  # below the name
    images: Images


def draw_grid(
    groups: Sequence[PatchGroup], *, reference: Images, columns: int, title: str, channels: str, spacing: float = 0.0
) -> Figure:
    """Return a drawing of groups of patches below one another, all in one stretch; it is to be saved at ``DPI``.

    Args:
        groups: the groups, from top to bottom; an empty one takes no row.
        reference: patches whose 2nd and 98th percentile, channel by channel, are shown as black and white.
        columns: patches in a row.
        title: what is shown, top left.
        channels: which bands are seen, top right.
        spacing: inches between groups.
    """
    rows = [-(-len(group.images) // columns) for group in groups]
    width = _MARGIN + columns * _CELL + 0.1
    height = _HEAD + sum(rows) * _CELL + (len(groups) - 1) * spacing + 0.1
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.1 / width, 1 - 0.18 / height, title, va="top", weight="bold", size=11, parse_math=False)
    figure.text(
        1 - 0.1 / width, 1 - 0.2 / height, channels, va="top", ha="right", size=9, color="0.35", parse_math=False
    )
    top = height - _HEAD
    for group, count in zip(groups, rows, strict=True):
        name = elide(group.name, _LONGEST)
        x, y = 0.1 / width, (top - _CELL / 2) / height
        lift, anchor = (0.02, "bottom") if group.detail else (0.0, "center")
        figure.text(x, y + lift / height, name, va=anchor, size=10, parse_math=False)
        figure.text(x, y - 0.04 / height, group.detail, va="top", size=8, color="0.35")
        for index, patch in enumerate(stretched(group.images, reference)):
            left, bottom = _MARGIN + index % columns * _CELL, top - (index // columns + 1) * _CELL
            side = _CELL - _GAP
            axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
            axes.imshow(patch, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
        top -= count * _CELL + spacing
    return figure


def check_format(file: Path) -> None:
    """Raise UsageError for a file whose suffix names no format of pictures."""
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"cannot draw to {file}", hint=f"name a file that ends in {', '.join(FORMATS)}")


def stretched(images: Images, reference: Images) -> Images:
    """Return patches (n, H, W, C) as they are shown, from 0 to 1.

    Args:
        images: the patches.
        reference: patches whose 2nd and 98th percentile, channel by channel, are black and white.
    """
    low, high = np.percentile(reference.astype(np.float32), _STRETCH, axis=(0, 2, 3))
    black, contrast = low[:, None, None], np.maximum(high - low, 1e-9)[:, None, None]
    shown: Images = np.clip((images.astype(np.float32) - black) / contrast, 0, 1) ** _GAMMA
    return np.moveaxis(shown, 1, -1)


def contact_sheet(store: PatchStore, file: Path, *, composite: Bands | None = None, per_class: int = 8) -> None:
    """Draw some patches of every class, evenly spaced in the store.

    Args:
        store: the store.
        file: where to write; its suffix names the format.
        composite: one band, or three as red, green and blue; by default natural colours where the sensor has them,
            else the store's first bands.
        per_class: patches of a class at most.

    Raises:
        BandError: the composite is not in the store, or not of one or three bands.
        UsageError: the format is not known.
        DataError: the file cannot be written.
    """
    check_format(file)
    name, bands = picture_bands(composite, available=store.bands, sensor=store.sensor)
    channels = [store.bands.index(band) for band in bands]
    counts = np.bincount(store.labels, minlength=len(store.classes))
    groups = []
    for label, (class_name, count) in enumerate(zip(store.classes, counts, strict=True)):
        rows = rows_of_class(store, label, per_class)
        images = np.stack([store.images[rows, channel] for channel in channels], axis=1)
        percent = f"{count:,} ({100 * count / len(store):.1f} %)"
        groups.append(PatchGroup(name=class_name, detail=percent, images=images))
    figure = draw_grid(
        groups,
        reference=np.concatenate([group.images for group in groups]),
        columns=max(len(group.images) for group in groups),
        title=(store.path.resolve() if isinstance(store.path, Path) else store.path).name,
        channels=f"{name}: {', '.join(bands)}",
    )
    picture = io.BytesIO()
    figure.savefig(picture, format=file.suffix[1:].lower(), dpi=DPI)
    with writing(file):
        write_unsynced(file, picture.getvalue())
