"""Imports in one call, as the commands make them."""

from raysat.data.importers.droughtwatch import read_droughtwatch
from raysat.data.importers.folder import read_folder
from raysat.data.importers.geotiff import read_geotiff
from raysat.data.importers.write import import_patches

WRITING = ("allow_duplicates", "overwrite", "progress")


def _import(read, source, out, options):
    writing = {name: options.pop(name) for name in WRITING if name in options}
    return import_patches(read(source, **options), out, **writing)


def import_droughtwatch(source, out, **options):
    return _import(read_droughtwatch, source, out, options)


def import_folder(source, out, **options):
    return _import(read_folder, source, out, options)


def import_geotiff(source, out, **options):
    return _import(read_geotiff, source, out, options)
