"""Shards of samples: their bytes, their sizes, their names."""

import contextlib
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.webdataset import Refused, ShardWriter, TarSample, read_samples, split_name


def write(folder: Path, samples: list[TarSample], *, most_bytes: int = 1 << 20) -> ShardWriter:
    folder.mkdir(exist_ok=True)
    writer = ShardWriter(folder, "train", most_bytes=most_bytes)
    for sample in samples:
        writer.write(sample)
    writer.close()
    return writer


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    samples = [TarSample(key=f"唯{n}", parts={"txt": b"x", "jpg": bytes(n)}) for n in range(9)]
    write(tmp_path / "a", samples)
    write(tmp_path / "b", samples)
    name = "train-000000.tar"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert list(read_samples(tmp_path / "a" / name)) == [
        TarSample(key=sample.key, parts=dict(sorted(sample.parts.items()))) for sample in samples
    ]


def test_members_have_no_time_and_no_owner(tmp_path: Path) -> None:
    write(tmp_path / "a", [TarSample(key="a", parts={"txt": b"x"})])
    with tarfile.open(tmp_path / "a" / "train-000000.tar") as tar:
        (member,) = tar.getmembers()
    assert (member.mtime, member.uid, member.uname, member.mode) == (0, 0, "", 0o644)


@pytest.mark.parametrize("stem", ["a", "唯品" * 40, "b" * 99])
def test_no_shard_is_longer_than_asked_for(stem: str, tmp_path: Path) -> None:
    samples = [TarSample(key=f"{stem}{n}", parts={"jpg": bytes(9000 + n)}) for n in range(40)]
    writer = write(tmp_path / "a", samples, most_bytes=60_000)
    assert len(writer.counts) > 2
    assert sum(writer.counts.values()) == 40
    assert all(path.stat().st_size <= 60_000 for path in (tmp_path / "a").iterdir())


def test_a_sample_longer_than_a_shard_has_one_of_its_own(tmp_path: Path) -> None:
    samples = [TarSample(key=str(n), parts={"jpg": bytes(30_000)}) for n in range(3)]
    assert list(write(tmp_path / "a", samples, most_bytes=100).counts.values()) == [1, 1, 1]


def test_a_name_is_cut_at_the_first_dot_of_its_last_part() -> None:
    assert split_name("a/1.2/x.seg.PNG") == ("a/1.2/x", "seg.png")
    assert split_name("./x.jpg") == ("x", "jpg")
    assert split_name(".hidden.jpg") == ("", "hidden.jpg")
    assert split_name("README") == ("README", "")


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.tar"
        path.write_bytes(data)
        with contextlib.suppress(Corrupt):
            assert all(isinstance(found, TarSample | Refused) for found in read_samples(path))
