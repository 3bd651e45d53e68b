"""The table of data sets that can be downloaded: whole, and with the hashes that torchgeo has."""

import re

import pytest

from raysat.data.download import get
from raysat.data.download.catalog import DATA_SETS, find_data_set
from raysat.errors import UsageError


def test_the_table(tmp_path):
    assert set(DATA_SETS) == {"droughtwatch", "eurosat", "so2sat", "bigearthnet-s2"}
    for data_set in DATA_SETS.values():
        assert data_set.licence
        assert data_set.citation
        assert bool(data_set.importing) != bool(data_set.otherwise)
        assert len({file.name for file in data_set.files}) == len(data_set.files)
        for file in data_set.files:
            assert file.url.startswith("https://")
            assert file.hash is None or re.fullmatch("md5:[0-9a-f]{32}", file.hash)
            assert file.size or file.about
        hint = get._by_hand(data_set, data_set.files[0], tmp_path / "datasets" / data_set.name)
        assert len(hint) < 500
    with pytest.raises(UsageError, match="unknown data set 'eurosta'") as caught:
        find_data_set("eurosta")
    assert "eurosat" in caught.value.hint


def test_the_hashes_are_torchgeos():
    theirs = pytest.importorskip("torchgeo.datasets")
    eurosat, so2sat, bigearthnet = theirs.EuroSAT, theirs.So2Sat, theirs.BigEarthNetV2
    ours = {file.name: file for data_set in DATA_SETS.values() for file in data_set.files}
    for split, name in eurosat.split_filenames.items():
        assert ours[name].hash == f"md5:{eurosat.split_md5s[split]}"
        assert ours[name].url == eurosat.url + name
    for split, name in so2sat.filenames_by_version["2"].items():
        assert ours[name].hash == f"md5:{so2sat.md5s_by_version['2'][split]}"
    md5 = bigearthnet.metadata_locs["metadata"]["files"]["metadata.parquet"]
    assert ours["metadata.parquet"].hash == f"md5:{md5}"
