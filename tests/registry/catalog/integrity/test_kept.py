"""How many bytes a registry keeps."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.integrity.kept import (
    Kept,
    folders_beside,
    free_bytes,
    recorded_blobs,
    weighed,
)
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading


def test_blobs_are_counted_by_their_rows(trained: Engine, store: BlobStore) -> None:
    store.put_bytes(b"nobody recorded it")
    with reading(trained) as session:
        kept = recorded_blobs(session)
    lengths = [path.stat().st_size for path in store.files()]
    assert kept == Kept(files=len(lengths) - 1, size_bytes=sum(lengths) - 18)


def test_an_empty_registry_keeps_nothing(engine: Engine, tmp_path: Path) -> None:
    with reading(engine) as session:
        assert recorded_blobs(session) == Kept(files=0, size_bytes=0)
    assert weighed(tmp_path / "not there", within_s=1) == Kept(files=0, size_bytes=0)
    assert free_bytes(tmp_path / "not" / "there") > 0


def test_folders_are_weighed_each_for_itself_and_links_as_links(tmp_path: Path) -> None:
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path)})
    (tmp_path / "runs" / "1" / "deep").mkdir(parents=True)
    (tmp_path / "runs" / "1" / "log.txt").write_bytes(b"12345")
    (tmp_path / "runs" / "1" / "deep" / "events").write_bytes(b"123")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "link").symlink_to("x")
    kept = folders_beside(settings, within_s=5)
    assert kept["runs"] == Kept(files=2, size_bytes=8)
    assert kept["cache"] == Kept(files=1, size_bytes=1)
    assert kept["thumbnails"] == Kept(files=0, size_bytes=0)


def test_counting_that_takes_too_long_says_that_there_is_more(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    assert weighed(tmp_path, within_s=-1) == Kept(files=0, size_bytes=0, is_all=False)
