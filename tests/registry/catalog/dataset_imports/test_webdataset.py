"""Importing WebDataset shards, of others and of people with bad intentions."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_imports.importing import imported, pictures, refusals
from tests.registry.catalog.pictures import jpeg


def shard(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "w:gz" if path.suffix == ".gz" else "w"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = kind, target
    return info


def test_shards_of_others_come_in_with_captions_classes_and_folders(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    about = {"caption": "in json", "brand": "lsbr", "state": "flawed"}
    shard(tmp_path / "s/a.tar", {"000.jpg": jpeg(1), "000.txt": b"one", "000.cls": b"7"})
    shard(tmp_path / "s/b.tar.gz", {"qzy/1.2/0.jpg": jpeg(2), "qzy/1.2/0.mask.png": jpeg(3)})
    shard(tmp_path / "s/c.tar", {"9.json": json.dumps(about).encode(), "9.JPG": jpeg(4)})
    report = imported(engine, store, tmp_path / "s")
    assert (report.pictures, report.problems) == (3, ())
    assert pictures(engine) == {
        "7/000.jpg": ("7", "one"),
        "qzy/1.2/0.jpg": ("qzy/1.2", "qzy, 1.2"),
        "lsbr/flawed/9.jpg": ("lsbr/flawed", "in json"),
    }


@pytest.mark.parametrize(
    ("name", "member", "code"),
    [
        ("/etc/evil.jpg", jpeg(2), "link-outside"),
        ("../evil.jpg", jpeg(2), "link-outside"),
        ("a/../../evil.jpg", jpeg(2), "link-outside"),
        ("evil.jpg", special(tarfile.SYMTYPE, "/etc/passwd"), "not-a-file"),
        ("evil.jpg", special(tarfile.LNKTYPE, "../other"), "not-a-file"),
        ("evil.jpg", special(tarfile.CHRTYPE), "not-a-file"),
        ("evil.jpg", special(tarfile.FIFOTYPE), "not-a-file"),
        ("d/._evil.jpg", jpeg(2), "unsupported-type"),
    ],
)
def test_members_that_are_no_files_of_the_set_are_refused(
    name: str,
    member: bytes | tarfile.TarInfo,
    code: str,
    engine: Engine,
    store: BlobStore,
    tmp_path: Path,
) -> None:
    path = shard(tmp_path / "s.tar", {"good.jpg": jpeg(1), name: member})
    before = {p for p in tmp_path.rglob("*") if p.name.startswith("evil")}
    report = imported(engine, store, path)
    assert refusals(report) == {f"s.tar: {name}": code}
    assert list(pictures(engine)) == ["good.jpg"]
    assert {p for p in tmp_path.rglob("*") if p.name.startswith("evil")} == before


def test_what_a_pickle_holds_is_never_run(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    bomb = b"cos\nsystem\n(S'touch " + str(tmp_path / "evil").encode() + b"'\ntR."
    path = shard(tmp_path / "s.tar", {"0.jpg": jpeg(1), "0.pyd": bomb, "0.pkl": bomb})
    imported(engine, store, path)
    assert list(pictures(engine)) == ["0.jpg"]
    assert not (tmp_path / "evil").exists()


def test_of_a_shard_that_ends_too_early_what_is_whole_is_taken(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    whole = shard(tmp_path / "s.tar", {f"{n}.jpg": jpeg(n) for n in range(6)}).read_bytes()
    (tmp_path / "s.tar").write_bytes(whole[: 512 * 14 + 100])
    shard(tmp_path / "t.tar", {"t.jpg": jpeg(9)})
    (tmp_path / "u.tar").write_bytes(b"this is no tar file" * 100)
    report = imported(engine, store, tmp_path, form="webdataset")
    assert set(refusals(report).values()) == {"corrupt"}
    assert {"0.jpg", "t.jpg"} <= pictures(engine).keys()


def test_samples_without_a_picture_are_told(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = shard(tmp_path / "s.tar", {"0.jpg": jpeg(1), "1.txt": b"words", "2.jpg": b"no picture"})
    report = imported(engine, store, path)
    assert refusals(report) == {"s.tar: 1": "unsupported-type"}
    assert [problem.code.value for problem in report.ingested.problems] == ["not-an-image"]
