"""Pictures that a CLIP has looked at, and searching them; the CLIP is random and tiny."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, delete, func, select

from sdxl_reg.catalog import embeddings
from sdxl_reg.catalog.embeddings import (
    embed,
    image_vector,
    network_name,
    picture_vector,
    search,
    text_vector,
)
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.jobs.looking import Seen
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, transaction, upgrade
from sdxl_reg.tables import Image, ImageEmbedding
from tests.registry.catalog.likenesses import near_products
from tests.registry.evaluation.networks.tiny_networks import write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip")


@pytest.fixture(scope="module")
def looked_at(
    clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Engine, BlobStore, Path]:
    """A registry whose pictures the CLIP has looked at, and their folder."""
    folder = tmp_path_factory.mktemp("looked_at")
    engine, store = connect(f"sqlite:///{folder}/registry.db"), BlobStore(folder / "blobs")
    upgrade(engine)
    near_products(folder / "products")
    ingest(engine, store, folder / "products")
    done = embed(engine, store, "weipin", weights=str(clip), batch_size=5, device="cpu")
    assert (done.looked_at, done.known, done.faults) == (12, 0, {})
    return engine, store, folder / "products" / "weipin"


def test_a_picture_is_likest_to_itself(
    looked_at: tuple[Engine, BlobStore, Path], clip: Path
) -> None:
    engine, _, folder = looked_at
    vector = picture_vector(str(clip), folder / "qzy/flawless/b.png")
    with reading(engine) as session:
        found = search(session, find_image_set(session, "weipin"), vector, weights=str(clip))
        image = find_member(session, find_image_set(session, "weipin"), "qzy/flawless/b.png").image
        known = image_vector(session, image, weights=str(clip))
    assert known is not None
    assert known == pytest.approx(vector, abs=2e-3)  # float16, another batch
    assert found[0].source_path == "qzy/flawless/b.png"
    assert found[0].cosine == pytest.approx(1, abs=5e-3)
    assert [hit.cosine for hit in found] == sorted((hit.cosine for hit in found), reverse=True)
    assert len(found) == 12


def test_words_find_pictures_by_the_cosine_of_both(
    looked_at: tuple[Engine, BlobStore, Path], clip: Path
) -> None:
    engine, _, _ = looked_at
    vector = text_vector(f"clip:{clip}", "white spot on a shirt")
    assert np.linalg.norm(vector) == pytest.approx(1, abs=2e-3)
    with reading(engine) as session:
        image_set = find_image_set(session, "weipin")
        found = search(session, image_set, vector, weights=str(clip), select="**/fold", limit=3)
        assert len(found) == 3
        for hit in found:
            row = session.scalar(
                select(ImageEmbedding.vector).where(ImageEmbedding.image_id == hit.image_id)
            )
            assert row is not None
            exact = np.frombuffer(row, dtype="<f2").astype(np.float64) @ vector
            assert hit.cosine == pytest.approx(exact, abs=1e-5)
    assert all("/fold/" in hit.source_path for hit in found)


def test_only_what_was_not_looked_at_is_and_what_cannot_be_read_is_told(
    looked_at: tuple[Engine, BlobStore, Path], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, store, _ = looked_at
    assert embed(engine, store, "weipin", weights=str(clip)).known == 12  # starts no process
    with transaction(engine) as session:
        session.execute(delete(ImageEmbedding).where(ImageEmbedding.image_id > 8))
        last = session.scalars(select(Image).order_by(Image.id.desc())).first()
        assert last is not None
        sha256 = last.blob.sha256
    store.path(sha256).chmod(0o600)
    store.path(sha256).write_bytes(b"no picture")
    monkeypatch.setattr(embeddings, "_KEPT_TOGETHER", 2)
    told: list[int] = []
    done = embed(
        engine, store, "weipin", weights=str(clip), progress=lambda n, total, what: told.append(n)
    )
    assert (done.known, done.looked_at) == (8, 3)
    assert list(done.faults) == [sha256]
    assert told == [1, 2, 3, 4]
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(ImageEmbedding)) == 11


def test_a_linked_picture_that_was_changed_is_told_and_not_looked_at(
    clip: Path, tmp_path: Path
) -> None:
    engine, store = connect(f"sqlite:///{tmp_path}/registry.db"), BlobStore(tmp_path / "blobs")
    upgrade(engine)
    root = near_products(tmp_path / "products")
    ingest(engine, store, root, options=IngestOptions(link=True))
    (root / "weipin/qzy/flawless/b.png").write_bytes(b"another picture")
    done = embed(engine, store, "weipin", weights=str(clip), device="cpu")
    assert done.looked_at == 11
    assert ["was changed" in fault for fault in done.faults.values()] == [True]
    engine.dispose()


def test_searching_before_looking_and_with_no_clip_is_refused(
    clip: Path, tmp_path: Path, engine: Engine, store: BlobStore
) -> None:
    ingest(engine, store, near_products(tmp_path / "products"))
    nothing = np.zeros(12, dtype=np.float32)
    with reading(engine) as session:
        image_set = find_image_set(session, "weipin")
        with pytest.raises(Conflict, match="sdxl-reg embed weipin"):
            search(session, image_set, nothing, weights=str(clip))
    with pytest.raises(NotFound, match="network"):
        embed(engine, store, "weipin", weights=str(tmp_path / "none"))
    with pytest.raises(InvalidValue, match="reads no words"):
        network_name("dinov2:somewhere")


def test_a_file_that_is_no_picture_is_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unread = Seen(key="text.jpg", vector=b"", fault="not a picture")
    monkeypatch.setattr(embeddings, "look", lambda network, pictures: iter([unread]))
    with pytest.raises(InvalidValue, match="no picture"):
        picture_vector(str(clip), Path("text.jpg"))


def test_what_is_wrong_with_a_network_is_told_by_the_process(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(clip, broken)
    (broken / "preprocessor_config.json").unlink()
    with pytest.raises(NotFound, match="preprocessor_config"):
        text_vector(str(broken), "a shirt")
