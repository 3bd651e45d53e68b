"""The one table of data sets that raysat can download: where they lie, their sizes, hashes and licences.

Hashes are those that the publisher or torchgeo gives; the comment at each says where it is printed. A file without one
is hashed when it comes, which is said and kept: the next download must have the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from raysat.errors import UsageError, suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a data set."""

    name: str  # on this machine
    url: str
    hash: str | None  # as pooch writes it, ``md5:...``; None where nobody publishes one
    size: int | None = None  # bytes, where they are published
    about: int = 0  # bytes, roughly, where they are not


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A public data set."""

    name: str
    title: str
    homepage: str
    licence: str
    citation: str
    files: tuple[RemoteFile, ...]
    unpacked: int = 0  # bytes that its zip files may unpack to, at most; 0 where there is none to unpack
    marker: str = ""  # what lies in the folder that is imported
    importing: str = ""  # the command that makes a store of this folder, after ``raysat data import``
    otherwise: str = ""  # what to do with it where no command does

    @property
    def size(self) -> int:
        """Bytes to download, roughly where they are not published."""
        return sum(file.size or file.about for file in self.files)


_GB: Final = 1_000_000_000
_EUROSAT_SPLITS: Final = "https://hf.co/datasets/torchgeo/eurosat/resolve/1ce6f1bfb56db63fd91b6ecc466ea67f2509774c/"
_SO2SAT: Final = "https://dataserv.ub.tum.de/s/m1483140/download?path=%2F&files="

_ALL: Final = (
    DataSet(
        name="droughtwatch",
        title="W&B Drought Watch: Landsat 8 patches of northern Kenya with the number of cows that they can feed",
        homepage="https://github.com/wandb/droughtwatch",
        licence="code and labels: MIT (github.com/wandb/droughtwatch); imagery: U.S. Geological Survey, public domain",
        citation="Hobbs, A. and Svetlichnaya, S.: Satellite-based Prediction of Forage Conditions for Livestock in "
        "Northern Kenya. ICLR 2020 workshop on Computer Vision for Agriculture. arXiv:2004.04081",
        files=(
            RemoteFile(
                name="dw_train_86K_val_10K.zip",
                url="https://storage.googleapis.com/wandb_datasets/dw_train_86K_val_10K.zip",
                hash=None,  # neither W&B nor torchgeo prints one
                about=4_300_000_000,  # README of wandb/droughtwatch
            ),
        ),
        unpacked=12 * _GB,
        marker="train",
        importing="droughtwatch",
    ),
    DataSet(
        name="eurosat",
        title="EuroSAT: 27,000 Sentinel-2 patches, 13 bands, 10 classes of land use in Europe",
        homepage="https://zenodo.org/records/7711810",
        licence="MIT; contains modified Copernicus Sentinel data",
        citation="Helber, P., Bischke, B., Dengel, A. and Borth, D.: EuroSAT: A Novel Dataset and Deep Learning "
        "Benchmark for Land Use and Land Cover Classification. IEEE JSTARS 12(7), 2019. "
        "doi:10.1109/JSTARS.2019.2918242. "
        "Splits: Neumann, M. et al.: In-domain representation learning for remote sensing. 2019. arXiv:1911.06721",
        files=(
            RemoteFile(
                name="EuroSAT_MS.zip",
                url="https://zenodo.org/records/7711810/files/EuroSAT_MS.zip",
                hash="md5:091174add3c8e680a49244acf185b9f0",  # Zenodo, record 7711810
                size=2_065_402_329,
            ),
            *(
                RemoteFile(name=name, url=f"{_EUROSAT_SPLITS}{name}", hash=md5, about=about)
                for name, md5, about in (  # torchgeo/datasets/eurosat.py, split_md5s
                    ("eurosat-train.txt", "md5:908f142e73d6acdf3f482c5e80d851b1", 400_000),
                    ("eurosat-val.txt", "md5:95de90f2aa998f70a3b2416bfe0687b4", 130_000),
                    ("eurosat-test.txt", "md5:7ae5ab94471417b6e315763121e67c5f", 130_000),
                )
            ),
        ),
        unpacked=8 * _GB,
        marker="AnnualCrop",
        importing="imagefolder --sensor sentinel2",
    ),
    DataSet(
        name="so2sat",
        title="So2Sat LCZ42, version 2: 400,673 Sentinel-1 and -2 patches, 17 local climate zones",
        homepage="https://mediatum.ub.tum.de/1483140",
        licence="CC BY 4.0",
        citation="Zhu, X. X. et al.: So2Sat LCZ42: A Benchmark Data Set for the Classification of Global Local Climate "
        "Zones. IEEE Geoscience and Remote Sensing Magazine 8(3), 2020. doi:10.1109/MGRS.2020.2964708",
        files=tuple(
            RemoteFile(name=f"{split}.h5", url=f"{_SO2SAT}{split}.h5", hash=md5, about=about)
            for split, md5, about in (  # torchgeo/datasets/so2sat.py, md5s_by_version, version 2
                ("training", "md5:702bc6a9368ebff4542d791e53469244", 52 * _GB),
                ("validation", "md5:71cfa6795de3e22207229d06d6f8775d", 4 * _GB),
                ("testing", "md5:e81426102b488623a723beab52b31a8a", 4 * _GB),
            )
        ),
        otherwise="its files are HDF5: docs/data.md has the lines that make a Zarr group of them, which "
        "'raysat data import zarr' reads",
    ),
    DataSet(
        name="bigearthnet-s2",
        title="BigEarthNet 2.0 (reBEN), Sentinel-2: 549,488 patches, 12 bands, 19 classes, several a patch",
        homepage="https://zenodo.org/records/10891137",
        licence="CDLA-Permissive-1.0; contains modified Copernicus Sentinel data",
        citation="Clasen, K. N. et al.: reBEN: Refined BigEarthNet Dataset for Remote Sensing Image Analysis. 2024. "
        "arXiv:2407.03653. Sumbul, G. et al.: BigEarthNet. IGARSS 2019. doi:10.1109/IGARSS.2019.8900532",
        files=(
            RemoteFile(
                name="BigEarthNet-S2.tar.zst",
                url="https://zenodo.org/records/10891137/files/BigEarthNet-S2.tar.zst",
                hash="md5:2245ed2d1a93f6ce637d839bc856396e",  # Zenodo, record 10891137
                size=63_251_710_377,
            ),
            RemoteFile(
                name="metadata.parquet",
                url="https://zenodo.org/records/10891137/files/metadata.parquet",
                hash="md5:55687065e77b6d0b0f1ff604a6e7b49c",  # Zenodo; torchgeo/datasets/bigearthnet.py
                about=3_600_000,
            ),
        ),
        otherwise="a patch has several labels, a store one: choose patches of one class from metadata.parquet, unpack "
        "them with 'tar --zstd -xf', and list them for 'raysat data import geotiff'",
    ),
)
DATA_SETS: Final = {data_set.name: data_set for data_set in _ALL}


def find_data_set(name: str) -> DataSet:
    """Return a data set by name. Raises UsageError for an unknown one."""
    if name not in DATA_SETS:
        raise UsageError(f"unknown data set {name!r}", hint=suggest(name, DATA_SETS))
    return DATA_SETS[name]
