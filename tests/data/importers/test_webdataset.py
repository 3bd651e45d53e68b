"""WebDataset shards from elsewhere: read by the standard library within bounds, each fault named."""

import io
import pickle
import tarfile

import numpy as np
import pytest

from raysat.data.importers.converted import Given
from raysat.data.importers.webdataset import read_webdataset
from raysat.data.importers.write import import_patches
from raysat.errors import DataError, UsageError
from tests.helpers.data import left_behind, patches

NAMES = {"bands": ("a", "b"), "classes": ("x", "y")}


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def shard(path, members):
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                content(info)
                tar.addfile(info)
    return path


def members(images, label=0):
    return [
        member
        for index, image in enumerate(images)
        for member in ((f"dir/{label}{index}.cls", f"{label}".encode()), (f"dir/{label}{index}.npy", npy(image)))
    ]


def run(folder, out, **options):
    return import_patches(read_webdataset(folder, Given(**NAMES | options)), out)


def test_shards_of_splits_in_order(tmp_path):
    images = patches(8)
    shard(tmp_path / "in/train-1.tar", members(images[2:4], 1))
    shard(tmp_path / "in/train-0.tar", [*members(images[:2]), ("notes.txt", b"x")][:-1])
    shard(tmp_path / "in/val.tar", members(images[4:6]))
    shard(tmp_path / "in/test_0.tar", members(images[6:]))
    done = run(tmp_path / "in", tmp_path / "s")
    np.testing.assert_array_equal(done.store.images, images)
    assert list(done.store.labels) == [0, 0, 1, 1, 0, 0, 0, 0]
    assert list(done.store.splits) == [0] * 4 + [1] * 2 + [2] * 2


def test_shards_without_a_split(tmp_path):
    shard(tmp_path / "in/00000.tar", members(patches(6)))
    assert any("no split is given" in note for note in run(tmp_path / "in", tmp_path / "s").notes)


GOOD = members(patches(3))
IMAGE = patches(1)[0]


def link(info):
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        ([("k.npy", npy(IMAGE))], "k: it has no .cls"),
        ([("k.cls", b"0")], "k: it has no .npy"),
        ([("k.cls", b"2"), ("k.npy", npy(IMAGE))], "no number from 0 to 1"),
        ([("k.cls", b"-1"), ("k.npy", npy(IMAGE))], "no number from 0 to 1"),
        ([("k.cls", b"9" * 5000), ("k.npy", npy(IMAGE))], "no number from 0 to 1"),
        ([("k.cls", b"0"), ("k.npy", npy(IMAGE[:1]))], "expected 2 bands"),
        ([("k.cls", b"0"), ("k.npy", npy(IMAGE[0]))], "expected 2 bands"),
        ([("k.cls", b"0"), ("k.npy", pickle.dumps(IMAGE))], "not an .npy file"),
        ([("k.cls", b"0"), ("k.npy", npy(np.array([{}]), allow_pickle=True))], "Python objects"),
        ([("k.cls", b"0"), ("k.npy", npy(IMAGE)[:-1])], "take 50 bytes"),
        ([("k.cls", b"0"), ("k.npy", npy(IMAGE)), ("k.nodata.npy", npy(IMAGE))], "its nodata is"),
        ([("k.cls", b"0"), ("k.cls", b"1")], "comes twice"),
        ([(f"k.{index}", b"") for index in range(30)], "comes twice"),
        ([("k.cls", link)], "no plain file"),
    ],
)
def test_a_patch_that_is_wrong_is_named(tmp_path, bad, cause):
    path = shard(tmp_path / "in/train-0.tar", [*GOOD, *bad])
    with pytest.raises(DataError, match=cause) as caught:
        run(tmp_path / "in", tmp_path / "s")
    assert str(path) in str(caught.value)
    assert left_behind(tmp_path) == ["in"]


def test_a_member_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path):
    path = shard(tmp_path / "in/train-0.tar", GOOD)
    info = tarfile.TarInfo("k.npy")
    info.size = 1 << 40
    content = path.read_bytes().rstrip(b"\0")
    content += b"\0" * (-len(content) % 512)
    path.write_bytes(content + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024)
    with pytest.raises(DataError, match="1,099,511,627,776 bytes, more than the 64 MB"):
        run(tmp_path / "in", tmp_path / "s")


@pytest.mark.parametrize("length", [100, 700, 1100, 1600])
def test_a_shard_that_was_cut(tmp_path, length):
    path = shard(tmp_path / "in/train-0.tar", GOOD)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"cannot be read as a tar file|it has no .npy|no number"):
        run(tmp_path / "in", tmp_path / "s")
    assert left_behind(tmp_path) == ["in"]


def test_what_is_no_tar_no_shards_no_train_no_names(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"holds no \*.tar"):
        run(tmp_path / "in", tmp_path / "s")
    (tmp_path / "in/train-0.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match="cannot be read as a tar file"):
        run(tmp_path / "in", tmp_path / "s")
    shard(tmp_path / "in/other.tar", GOOD)
    with pytest.raises(DataError, match=r"other\.tar, whose name begins with none"):
        run(tmp_path / "in", tmp_path / "s")
    shard(tmp_path / "val/val-0.tar", GOOD)
    with pytest.raises(DataError, match=r"holds no train-\*.tar"):
        run(tmp_path / "val", tmp_path / "s")
    with pytest.raises(UsageError, match="bands"):
        read_webdataset(tmp_path / "val")
    with pytest.raises(UsageError, match="classes"):
        read_webdataset(tmp_path / "val", Given(bands=("a", "b")))
