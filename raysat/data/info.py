"""What a patch store holds, and what an importer did, as tables for a terminal or a pipe."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from raysat.data.bands import SENSORS
from raysat.data.importers.base import Summary
from raysat.data.store import SPLITS, PatchStore

_SAMPLE: Final = 512  # patches that value ranges are taken over
_COUNTED: Final = 10  # classes whose counts still fit a line


def describe(store: PatchStore) -> Iterator[RenderableType]:
    """Yield what a store is, its patches by class and split, and its bands with their values."""
    sensor = SENSORS.get(store.sensor or "")
    facts = {
        "store": str(store.path),
        "patches": _size(store),
        "sensor": f"{sensor.title} ({sensor.name})" if sensor else store.sensor or "not known",
        "classes": f"{len(store.classes)}, ordinal" if store.ordinal else f"{len(store.classes)}",
        "reported": f"results are those of the {store.reported_split} split",
        "nodata": _nodata(store),
        "source": _source(store.source),
        "fingerprint": store.fingerprint,
    }
    for name, fact in facts.items():
        yield Text.assemble((f"{name:<13}", "dim"), fact)
    yield ""
    yield class_table(store)
    yield ""
    yield band_table(store)
    shown = min(len(store), _SAMPLE)
    of = "all" if shown == len(store) else f"{shown} evenly spaced"
    without = ", without nodata pixels" if any(store.nodata or ()) else ""
    yield Text(f"mean and sd: train split; min to max: {of} patches{without}", style="dim")


def report(summary: Summary) -> Iterator[RenderableType]:
    """Yield what was read, dropped and why, and what stands in the store."""
    store, unit = summary.store, summary.unit
    rate = summary.read / max(summary.seconds, 1e-9)
    yield Text(
        f"{summary.read:,} {unit} {summary.verb} {summary.origin} in {summary.seconds:.1f} s ({rate:,.0f} {unit}/s)"
    )
    if len(store.classes) <= _COUNTED:
        yield Text(f"classes {'/'.join(map(str, summary.read_counts))} ({', '.join(store.classes)})")
    for reason, count in summary.dropped.items():
        yield Text(f"{count:,} empty dropped: {reason}")
    for note in summary.notes:
        yield Text(note)
    yield Text(f"wrote {store.path}: {_size(store)}")
    yield ""
    yield class_table(store, read=summary.read_counts)


def class_table(store: PatchStore, *, read: tuple[int, ...] | None = None) -> Table:
    """Patches per class and split, with each class's share of the split."""
    splits = [split for split in SPLITS if len(store.indices(split))]
    table = _table(
        "class", *(["read"] if read else []), *(cell for split in splits for cell in (split, "%")), "all", "%"
    )
    columns = [store.counts(split) for split in splits]
    columns.append(np.sum(columns, axis=0))
    for index, name in enumerate(store.classes):
        shares = (cell for counts in columns for cell in (f"{counts[index]:,}", _percent(counts[index], counts.sum())))
        table.add_row(name, *([f"{read[index]:,}"] if read else []), *shares)
    totals = (cell for counts in columns for cell in (f"{counts.sum():,}", ""))
    table.add_row("all", *([f"{sum(read):,}"] if read else []), *totals, style="dim")
    return table


def band_table(store: PatchStore) -> Table:
    """Bands with role and wavelength where the sensor is known, the spread of their values, and nodata if any."""
    sensor = SENSORS.get(store.sensor or "")
    known = {band.name: band for band in sensor.bands} if sensor else {}
    nodata = store.nodata if any(store.nodata or ()) else None
    columns = ("band", "role", "nm", "mean", "sd", "min", "2 %", "median", "98 %", "max")
    table = _table(*columns, *(("nodata",) if nodata else ()), left=2)
    for index, (name, stats, spread) in enumerate(zip(store.bands, store.stats, value_ranges(store), strict=True)):
        band = known.get(name)
        role, centre = (band.role, f"{band.wavelength_um * 1000:,.0f}") if band else ("", "")
        whole = store.images.dtype.kind == "u"
        values = (
            *(_number(value, 1, whole) for value in (stats.mean, stats.std)),
            *(_number(v, 0, whole) for v in spread),
            *((f"{nodata[index]:,}",) if nodata else ()),
        )
        table.add_row(name, role, centre, *values)
    return table


def value_ranges(store: PatchStore) -> npt.NDArray[np.float64]:
    """Minimum, 2nd, 50th and 98th percentile and maximum of each band, (C, 5), over evenly spaced patches.

    Nodata pixels are left out; a band of nodata alone in these patches has NaN.
    """
    chosen = np.unique(np.linspace(0, len(store) - 1, min(len(store), _SAMPLE)).astype(np.int64))
    ranges = np.full((len(store.bands), 5), np.nan)
    for band in range(len(store.bands)):
        pixels = store.images[chosen, band][~store.missing(chosen, band)]
        if pixels.size:
            ranges[band] = np.percentile(pixels, (0, 2, 50, 98, 100))
    return ranges


def _size(store: PatchStore) -> str:
    count, bands, height, width = store.images.shape
    on_disk = sum(file.stat().st_size for file in store.path.iterdir())
    return f"{count:,} of {bands} bands, {height} x {width} px, {store.images.dtype.name}, {_bytes(on_disk)} on disk"


def _nodata(store: PatchStore) -> str:
    if store.nodata is None:
        return "not recorded"
    pixels, total = sum(store.nodata), store.images.size
    if not pixels:
        return "none"
    return f"{pixels:,} of {total:,} pixels over all bands ({_percent(pixels, total)} %), stored as their band's mean"


def _source(source: dict[str, Any]) -> str:
    facts = {name: sum(fact.values()) if isinstance(fact, dict) else fact for name, fact in source.items()}
    kind = str(facts.pop("kind", "not known"))
    return ", ".join((kind, *(f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items())))


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=index >= left, overflow="fold")
    return table


def _number(value: float, decimals: int, whole: bool) -> str:
    """Digital numbers with so many decimals; values of floating-point bands with four digits; nothing for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:,.{decimals}f}" if whole else f"{value:.4g}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
