"""Clusters of pictures, contradicting tags, and what is near to one."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.likeness import (
    Cluster,
    Sameness,
    clusters_of,
    conflicts,
)
from sdxl_reg.catalog.near_images import ids_within, near_images
from sdxl_reg.errors import InvalidValue
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading
from sdxl_reg.tables import Image
from tests.registry.catalog.likenesses import near_products


@pytest.fixture
def pictures(tmp_path: Path, engine: Engine, store: BlobStore) -> Engine:
    """A registry with pictures of which some are the same or nearly so."""
    ingest(engine, store, near_products(tmp_path))
    return engine


def _names(cluster: Cluster) -> list[str]:
    return [member.source_path.rpartition("/")[2] for member in cluster.members]


def test_pictures_that_are_the_same_or_nearly_so_are_clusters(pictures: Engine) -> None:
    with reading(pictures) as session:
        found = clusters_of(session, find_image_set(session, "weipin"))
    assert {cluster.kind: _names(cluster) for cluster in found if len(cluster.members) > 2} == {
        Sameness.NEAR: [_names(found[0])[0], _names(found[0])[1], "b-small.png"]
    }
    kinds = {frozenset(_names(cluster)): cluster.kind for cluster in found}
    assert kinds == {
        frozenset({"b.png", "b-jpeg.jpg", "b-small.png"}): Sameness.NEAR,
        frozenset({"a.png", "a2.jpg"}): Sameness.NEAR,
        frozenset({"c.png"}): Sameness.BYTES,
        frozenset({"d.png", "d-same.png"}): Sameness.PIXELS,
    }


def test_the_largest_picture_of_a_cluster_is_the_one_to_keep(pictures: Engine) -> None:
    with reading(pictures) as session:
        found = clusters_of(session, find_image_set(session, "weipin"))[0]
    assert found.keep.source_path == "qzy/flawless/b.png"
    assert found.members[-1].width == 48


def test_flat_pictures_are_near_to_none(pictures: Engine) -> None:
    with reading(pictures) as session:
        found = clusters_of(session, find_image_set(session, "weipin"), distance=10)
        image = find_member(
            session, find_image_set(session, "weipin"), "lsbr/flawed/fold/white.png"
        ).image
        assert near_images(session, image, distance=10) == []
    assert not any("white.png" in _names(cluster) for cluster in found)


def test_contradicting_tags_are_told_the_same_picture_first(pictures: Engine) -> None:
    with reading(pictures) as session:
        found = conflicts(session, find_image_set(session, "weipin"))
    assert [(conflict.labels, conflict.is_same_picture) for conflict in found] == [
        (("lsbr/flawless", "qzy/flawless"), True),
        (("qzy/flawed/spot", "qzy/flawless"), False),
    ]
    assert found[0].distance == 0
    assert 0 <= found[1].distance <= 4


def test_a_selector_and_all_sets_limit_and_widen_the_search(pictures: Engine) -> None:
    with reading(pictures) as session:
        image_set = find_image_set(session, "weipin")
        of_brand = clusters_of(session, image_set, select="brand:lsbr")
        everywhere = clusters_of(session, None)
        assert len(everywhere) == len(clusters_of(session, image_set)) == 4
    assert [_names(cluster) for cluster in of_brand] == [["d-same.png", "d.png"]]


def test_near_pictures_are_given_the_nearest_first_without_itself(pictures: Engine) -> None:
    with reading(pictures) as session:
        image_set = find_image_set(session, "weipin")
        image = find_member(session, image_set, "qzy/flawless/b.png").image
        found = near_images(session, image, image_set=image_set)
        assert [apart for _, apart in found] == sorted(apart for _, apart in found)
        assert len(found) == 2
        assert image not in [near for near, _ in found]
        assert near_images(session, image, limit=1) == found[:1]
        assert ids_within(session, image, distance=4) == [(near.id, apart) for near, apart in found]


def test_a_distance_that_is_none_is_refused(pictures: Engine) -> None:
    with reading(pictures) as session:
        image = session.scalars(select(Image)).first()
        assert image is not None
        with pytest.raises(InvalidValue, match="0 to 10"):
            near_images(session, image, distance=11)
        with pytest.raises(InvalidValue, match="0 to 10"):
            clusters_of(session, None, distance=-1)
