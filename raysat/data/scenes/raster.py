"""Opens a scene, a raster of any size: one file of several bands, or a folder of files of one band each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.vrt import WarpedVRT

from raysat.data.names import check_names
from raysat.data.scenes.bands import Wanted, band_files, in_files, in_one_file, without_band
from raysat.data.scenes.gdal import find_mask, gdal_errors, open_raster, quiet_gdal
from raysat.data.scenes.grid import Grid
from raysat.data.scenes.remote import RasterPath, RemoteFile, open_anywhere
from raysat.data.scenes.scene import Scene, SceneFile
from raysat.data.sensors import get_sensor
from raysat.errors import BandError, DataError, prefixed

__all__ = ["Scene", "open_scene"]

_COARSER: Final = 1.5  # times the pixel size from which on pixels are averaged, not interpolated
_LEAVE: Final = "leave the others out with {--bands}, or convert them to one type"
_RESAMPLE: Final = "give {--resample} to bring them to one grid, or leave bands out with {--bands}"


def open_scene(
    paths: RasterPath | Sequence[RasterPath],
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    resample: bool = False,
    pixel_size: float | None = None,
) -> Scene:
    """Open a scene; of its pixels nothing is read yet.

    Args:
        paths: a file of several bands; a folder of files of one band each; or such files.
        bands: the bands wanted, in order; the files' own bands in order where they do not name them. By default all of
            the sensor's that there are.
        sensor: the sensor that names bands (see ``raysat.data.bands``), or None.
        resample: bring bands that lie on other grids, and a rotated or mirrored scene, to one grid, north up: that of
            most bands, or the same with ``pixel_size``. Pixels are interpolated, or averaged where they become larger.
        pixel_size: of the scene in metres, with ``resample``; by default the files' own.

    Returns:
        The scene; close it, or use it as a context manager.

    Raises:
        BandError: a sensor that is not known, or bands that the files do not have.
        DataError: a file that is missing, damaged or no raster of a format that is read; bands of several types; grids
            that differ or are rotated without ``resample``, both said.
    """
    if bands is not None:
        check_names(tuple(bands), "band")
    if sensor is not None:
        get_sensor(sensor)
    wanted = Wanted(bands=None if bands is None else tuple(bands), sensor=sensor)
    with ExitStack() as stack:
        name, files, names = _find(paths, wanted, stack)
        return assemble(name, files, names, stack=stack, sensor=sensor, resample=resample, pixel_size=pixel_size)


def assemble(
    name: str,
    files: list[SceneFile],
    bands: tuple[str, ...],
    *,
    stack: ExitStack,
    sensor: str | None = None,
    resample: bool = False,
    pixel_size: float | None = None,
) -> Scene:
    """Make one scene of open files.

    Args:
        name: of the scene.
        files: that hold its bands, each at its positions.
        bands: their names.
        stack: closes the files; the scene takes it over.
        sensor: that the bands are of.
        resample: bring all to one grid, as ``open_scene`` does.
        pixel_size: of the scene in metres, with ``resample``.

    Returns:
        The scene.

    Raises:
        DataError: as ``open_scene``.
    """
    for file in files:
        _open_mask(file, stack)
    grid = _common_grid(files, name, resample=resample, pixel_size=pixel_size)
    kinds = {file.data.dtypes[index - 1] for file in files for index in file.indexes}
    if len(kinds) > 1:
        raise DataError(f"{name}: its bands are of several types: {', '.join(sorted(kinds))}", hint=_LEAVE)
    others = [file for file in files if not Grid.of(file.data).matches(grid)]
    for file in others:
        _warp(file, grid, stack)
    nodata: dict[int, float | None] = {}
    for file in files:
        values = [file.data.nodatavals[index - 1] for index in file.indexes]
        nodata |= dict(zip(file.positions, values, strict=True))
    return Scene(
        name=name,
        paths=tuple(file.path for file in files),
        bands=bands,
        sensor=sensor,
        dtype=kinds.pop(),
        grid=grid,
        nodata=tuple(nodata[position] for position in range(len(bands))),
        resampled=bool(others),
        files=files,
        stack=stack.pop_all(),
    )


def _find(
    paths: RasterPath | Sequence[RasterPath], wanted: Wanted, stack: ExitStack
) -> tuple[str, list[SceneFile], tuple[str, ...]]:
    """Open the files that hold the wanted bands; the scene's name, its files, and its bands in order."""
    if isinstance(paths, RemoteFile) or (isinstance(paths, Path) and not paths.is_dir()):
        data = stack.enter_context(open_anywhere(paths))
        with prefixed(str(paths), BandError):
            found = in_one_file(data, wanted)
        file = SceneFile(
            path=paths, data=data, mask=None, indexes=list(found.values()), positions=list(range(len(found)))
        )
        return paths.stem, [file], tuple(found)
    several = band_files(paths) if isinstance(paths, Path) else list(paths)
    if len(several) == 1:
        name, files, names = _find(several[0], wanted, stack)
        return paths.name if isinstance(paths, Path) else name, files, names
    where = paths if isinstance(paths, Path) else several[0].parent
    with prefixed(str(where), BandError), prefixed(str(where), DataError):
        by_band = in_files(several, wanted)
    files = []
    for position, path in enumerate(by_band.values()):
        data = stack.enter_context(open_anywhere(path))
        if data.count != 1:
            raise DataError(f"{path} has {data.count} bands; a scene of several files has one band in each")
        files.append(SceneFile(path=path, data=data, mask=None, indexes=[1], positions=[position]))
    return _name(paths, several, wanted.names), files, tuple(by_band)


def _name(paths: Path | Sequence[RasterPath], files: Sequence[RasterPath], names: Sequence[str]) -> str:
    """What a scene of several files is called: as its folder, or as its files but for their band."""
    first = files[0]
    rest = "" if isinstance(paths, Path) else without_band(first.stem, names)[1].strip("_-. ")
    return rest or first.parent.resolve().name


def _open_mask(file: SceneFile, stack: ExitStack) -> None:
    """Open the mask that lies beside a file, unless one is in it."""
    inside = any(set(flags) == {MaskFlags.per_dataset} for flags in file.data.mask_flag_enums)
    beside = None if inside or isinstance(file.path, RemoteFile) else find_mask(file.path)
    if beside is None:
        return
    file.mask = stack.enter_context(open_raster(beside))
    if file.mask.shape != file.data.shape or file.mask.count not in (1, file.data.count):
        raise DataError(f"{beside} is not of the size of {file.path.name}", hint="make it again, or remove it")


def _common_grid(files: Sequence[SceneFile], name: str, *, resample: bool, pixel_size: float | None) -> Grid:
    """The grid that the scene is read on. Raises DataError where that takes resampling which is not asked for."""
    grids = [(file, Grid.of(file.data)) for file in files]
    kinds: list[Grid] = []
    votes: Counter[int] = Counter()
    for file, grid in grids:
        place = next((index for index, each in enumerate(kinds) if each.matches(grid)), len(kinds))
        kinds += [grid] * (place == len(kinds))
        votes[place] += len(file.indexes)
    # Of most bands; among equals the finest.
    usual = kinds[max(votes, key=lambda index: (votes[index], -(kinds[index].pixel_size or 0), -index))]
    if not resample:
        for file, grid in grids:
            if not grid.matches(usual):
                raise DataError(f"{file.path} is {grid}; the other bands are {usual}", hint=_RESAMPLE)
        if usual.rotated:
            t = usual.transform
            turned = f"{t.a:.6g} {t.b:.6g} {t.d:.6g} {t.e:.6g}"
            raise DataError(
                f"{name}: its grid is rotated or mirrored ({turned}), that of a store is north up",
                hint="give {--resample}",
            )
        return usual
    with prefixed(name, DataError):
        return usual.resampled(pixel_size)


def _warp(file: SceneFile, grid: Grid, stack: ExitStack) -> None:
    """Read a file as if it lay on another grid."""
    own = Grid.of(file.data)
    if own.crs is None or grid.crs is None:
        raise DataError(f"{file.path} has no CRS, so it cannot be resampled", hint="gdal_edit.py -a_srs sets one")
    if file.mask is not None:
        raise DataError(
            f"{file.path} has its mask beside it, which is not resampled", hint="put it into the file: gdal_translate"
        )
    if ColorInterp.alpha in file.data.colorinterp:  # GDAL would weigh the other bands by it, and it may be the infrared
        band = file.data.colorinterp.index(ColorInterp.alpha) + 1
        raise DataError(
            f"{file.path} says that its band {band} is alpha, so it is not resampled",
            hint=f"gdal_edit.py -colorinterp_{band} undefined says that it is a band like others",
        )
    coarser = own.pixel_size is not None and (grid.pixel_size or 0) > _COARSER * own.pixel_size
    with quiet_gdal(), gdal_errors(file.path):
        file.data = stack.enter_context(
            WarpedVRT(
                file.data,
                crs=grid.crs,
                transform=grid.transform,
                width=grid.width,
                height=grid.height,
                resampling=Resampling.average if coarser else Resampling.bilinear,
                add_alpha=file.data.nodata is None,
            )
        )
