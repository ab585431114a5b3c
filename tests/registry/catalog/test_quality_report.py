"""The quality of a set: spread, flags, and the worst pictures of each."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from sqlalchemy import Engine

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.quality_report import quality_report
from sdxl_reg.imaging.quality import Flag
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading


def _ingest_some(engine: Engine, store: BlobStore, folder: Path) -> None:
    """Two clear pictures, two without an edge, a dark one that is long."""
    (folder / "shop").mkdir(parents=True)
    clear = Image.effect_noise((600, 600), 90).convert("RGB")
    clear.save(folder / "shop" / "clear.png")
    clear.rotate(90).save(folder / "shop" / "turned.png")
    Image.radial_gradient("L").resize((600, 600)).save(folder / "shop" / "smooth.png")
    disc = Image.new("L", (600, 600), 40)
    ImageDraw.Draw(disc).ellipse((100, 100, 500, 500), fill=200)
    disc.filter(ImageFilter.GaussianBlur(15)).save(folder / "shop" / "soft.png")
    long = Image.effect_noise((600, 100), 4).point(lambda v: v // 12).convert("RGB")
    long.save(folder / "shop" / "long.png")
    ingest(engine, store, folder / "shop")


def test_flags_come_with_their_worst_pictures_first(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    _ingest_some(engine, store, tmp_path / "in")
    with reading(engine) as session:
        report = quality_report(session, find_image_set(session, "shop"))
    assert (report.pictures, report.unmeasured) == (5, 0)
    assert all(sum(counts.values()) == 5 for counts in report.spread.values())
    assert report.spread["size"] == {100: 1, 600: 4}
    flagged = {found.flag: found for found in report.flagged}
    blurred = [member.source_path for member in flagged[Flag.BLURRED].worst]
    assert blurred == ["soft.png", "smooth.png"]
    assert [member.source_path for member in flagged[Flag.STRIP].worst] == ["long.png"]
    assert flagged[Flag.DARK].count == 1
    assert Flag.BRIGHT not in flagged


def test_no_more_of_the_worst_are_given_than_asked_for(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    _ingest_some(engine, store, tmp_path / "in")
    with reading(engine) as session:
        report = quality_report(session, find_image_set(session, "shop"), shown=1)
    (blurred,) = [found for found in report.flagged if found.flag is Flag.BLURRED]
    assert (blurred.count, len(blurred.worst)) == (2, 1)
