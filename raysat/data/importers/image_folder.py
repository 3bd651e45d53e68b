"""Import folders of classes with an image a patch: torchvision's ImageFolder, torchgeo's layout, a data set's own.

    <split>/<class>/*.tif    split is train, val or test
    <class>/*.tif            with lists ``train.txt``, ``eurosat-train.txt`` or the like beside the classes, or without

Images are GeoTIFF, PNG or JPEG. ``raysat.json``, which ``raysat data convert`` writes, names bands and classes and says
that images are called by their position; without it the folders are the classes, in order of their names.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from raysat.data.exporters.description import DESCRIPTION, Description, read_description, read_groups, read_places
from raysat.data.exporters.image_folder import folder_name
from raysat.data.importers.base import Patch, PatchSource, sort_labels
from raysat.data.importers.converted import NOTHING, Given, Known, in_order
from raysat.data.importers.form import Form
from raysat.data.importers.geotiff import read_image
from raysat.data.importers.tiff import open_picture
from raysat.data.names import check_name
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, prefixed
from raysat.files import folder_entries, read_text, reading
from raysat.formatting import echo, plural

_SUFFIXES: Final = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
_REMEDY: Final = "images lie in <class>/ or in train/<class>/, val/<class>/ and test/<class>/"
_MAX_LIST: Final = 256 << 20  # bytes of a list of files


@dataclass(frozen=True, slots=True)
class _Image:
    path: Path
    folder: str  # of its class
    split: Split | None


def read_image_folder(source: Path, given: Given = NOTHING) -> PatchSource:
    """Return the images that are sorted into folders by class.

    Args:
        source: the folder of the splits or of the classes.
        given: what is said of them; folders name the classes.

    Raises:
        DataError: there is no image, a folder, list or ``raysat.json`` that cannot be used; an image that cannot be
            read raises it, naming the file, when its turn comes.
        UsageError: nothing names the bands.
    """
    told = read_description(source)
    known = Known.of(told, given)
    images, notes = _find(source, told)
    if told is None:
        known = replace(known, classes=sort_labels(image.folder for image in images))
        labels = {name: label for label, name in enumerate(known.classes)}
    else:
        labels = {folder_name(name): label for label, name in enumerate(told.classes)}
        for image in images:
            if image.folder not in labels:
                raise DataError(f"{image.path.parent} is no class of {source / DESCRIPTION}", hint="remove one of them")
        images.sort(key=lambda image: in_order(image.path.name))
    places, groups = read_places(told, source), read_groups(told, source)

    def patches() -> Iterator[Patch]:
        first: Form | None = None
        for done, image in enumerate(images, 1):
            pixels, missing, form, place = read_image(
                image.path, known.bands, known.sensor, first=first, opened=open_picture
            )
            first = first or form
            yield Patch(
                pixels=pixels,
                label=labels[image.folder],
                split=image.split,
                missing=missing,
                place=place if told is None else known.place(places, image.path.stem),
                group=known.group(groups, image.path.stem),
                done=done,
            )

    return PatchSource(
        kind="imagefolder",
        path=source,
        unit="files",
        splits=frozenset(image.split for image in images if image.split is not None),
        patches=patches(),
        total=len(images),
        place=lambda number: str(images[number].path),
        drop_zero=False,
        notes=notes,
        **known.facts(),
    )


def _find(source: Path, told: Description | None) -> tuple[list[_Image], tuple[str, ...]]:
    """List the images by split and class, and say what was passed over."""
    with reading(source, _REMEDY, DataError):
        if not stat.S_ISDIR(source.stat().st_mode):
            raise DataError(f"{source} is not a folder", hint=_REMEDY)
    by_split = [split for split in SPLITS if (told is None or told.layout == "imagefolder") and _is_dir(source / split)]
    others = 0
    images: list[_Image] = []
    for split in by_split or (None,):
        for folder in folder_entries(source / (split or ""), DataError):
            if folder.name.startswith(".") or not _is_dir(Path(folder.path)):
                continue
            if told is None:
                with prefixed(folder.path, DataError):
                    check_name(folder.name, "class")
            for entry in folder_entries(Path(folder.path), DataError):
                if entry.name.lower().endswith(_SUFFIXES):
                    images.append(_Image(Path(entry.path), folder.name, split))
                elif not entry.name.startswith(".") and not entry.name.lower().endswith(".msk"):
                    others += 1
    if not images:
        raise DataError(f"{source} holds no <class>/*.tif, .png or .jpg", hint=_REMEDY)
    notes = [f"not read, as they are no images: {plural(others, 'file')} in folders of classes"] if others else []
    if not by_split and (lists := _lists(source)):
        images, left_out = _listed(images, lists)
        if left_out:
            notes.append(f"left out, as no list of a split names them: {plural(left_out, 'image')}")
    if by_split and not any(image.split == "train" for image in images):
        raise DataError(f"{source} holds no image in train/", hint="the model needs patches to train on")
    return images, tuple(notes)


def _lists(source: Path) -> dict[Split, Path]:
    """Find the list of files of each split that has one, beside the classes."""
    found: dict[Split, Path] = {}
    for entry in folder_entries(source, DataError):
        for split in SPLITS:
            if entry.name == f"{split}.txt" or entry.name.endswith((f"-{split}.txt", f"_{split}.txt")):
                if split in found:
                    raise DataError(
                        f"{source} has two lists of {split}: {found[split].name} and {entry.name}", hint="keep one"
                    )
                found[split] = Path(entry.path)
    return found


def _listed(images: Sequence[_Image], lists: dict[Split, Path]) -> tuple[list[_Image], int]:
    """Give images the split whose list names them, by the file's name but for its suffix; count the others."""
    by_stem: dict[str, _Image] = {}
    for image in images:
        if (other := by_stem.setdefault(image.path.stem, image)) is not image:
            raise DataError(
                f"{image.path} and {other.path} have one name, and lists name files alone", hint="rename one"
            )
    splits: dict[str, Split] = {}
    for split, file in lists.items():
        for number, line in enumerate(read_text(file, max_bytes=_MAX_LIST, error=DataError).splitlines(), 1):
            stem = Path(line.strip()).stem
            if not stem:
                continue
            if stem not in by_stem:
                hint = "an image is missing: copy or download the data again"
                raise DataError(f"{file}: line {number}: there is no image {echo(line.strip())}", hint=hint)
            if splits.setdefault(stem, split) != split:
                raise DataError(
                    f"{file}: line {number}: {echo(line.strip())} is in {splits[stem]}, too", hint="keep one"
                )
    listed = [_Image(image.path, image.folder, splits[stem]) for stem, image in by_stem.items() if stem in splits]
    if "train" not in splits.values():
        raise DataError(f"{lists[next(iter(lists))].parent} lists no image of train", hint="add train.txt")
    return listed, len(images) - len(listed)


def _is_dir(path: Path) -> bool:
    with reading(path, "remove it, or mend it", DataError):
        return path.is_dir()
