"""What is recorded of a picture, and what its preview tells."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from sdxl_reg.imaging import decode
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.examine import PictureFacts, examine, pixel_digest
from sdxl_reg.imaging.likeness import hamming
from sdxl_reg.imaging.problems import Code
from sdxl_reg.imaging.quality import Flag, Measures, flags
from sdxl_reg.imaging.scan import contents_of, survey
from tests.registry.catalog.pictures import photograph as scene


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def facts_of(image: Image.Image, image_format: str = "JPEG", **options: object) -> PictureFacts:
    return examine(encoded(image, image_format, **options), Limits())


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_that_is_decoded_small_has_its_whole_size(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    facts = facts_of(scene(), quality=90, exif=exif)
    size, small = (facts.width, facts.height), facts.preview.size
    assert (size, small) == (
        ((1600, 1200), (256, 192)) if orientation == 1 else ((1200, 1600), (192, 256))
    )


def test_a_jpeg_is_judged_as_the_same_pixels_in_another_format_are() -> None:
    data = encoded(scene(), "JPEG", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        whole = facts_of(image, "PNG")
    small = examine(data, Limits())
    assert small.phash in whole.hashes
    assert whole.phash in small.hashes
    assert hamming(small.hashes[0], whole.hashes[0]) <= 2
    assert small.measures.brightness == pytest.approx(whole.measures.brightness, abs=0.5)
    assert small.measures.sharpness == pytest.approx(whole.measures.sharpness, rel=0.25)


def test_the_preview_tells_pictures_apart_that_share_a_hash() -> None:
    first = scene(400, 300)
    second = first.copy()
    second.paste((255, 255, 255), (190, 140, 193, 143))
    one, other = facts_of(first, "PNG"), facts_of(second, "PNG")
    assert one.phash == other.phash
    assert one.preview_sha256 != other.preview_sha256


def test_blurred_dark_bright_and_flat_pictures_are_flagged() -> None:
    sharp = scene(640, 480)
    pictures = {
        (): sharp,
        (Flag.BLURRED,): sharp.filter(ImageFilter.GaussianBlur(12)),
        (Flag.DARK,): sharp.point(lambda value: value // 9),
        (Flag.BRIGHT,): sharp.point(lambda value: 244 + value // 23),
        (Flag.FLAT,): Image.new("RGB", (640, 480), (120, 120, 120)),
    }
    for wanted, image in pictures.items():
        found = flags(1024, 1024, facts_of(image, "PNG").measures)
        assert set(wanted) <= set(found), wanted
        assert wanted or not found


def test_small_pictures_and_strips_are_flagged_by_their_size() -> None:
    fine = Measures(brightness=120, contrast=40, sharpness=100)
    assert flags(511, 2000, fine) == (Flag.SMALL,)
    assert flags(600, 2401, fine) == (Flag.STRIP,)
    assert flags(512, 512, None) == ()


def test_a_flagged_picture_is_told_with_the_selector_that_finds_it() -> None:
    notes = dict(facts_of(Image.new("RGB", (64, 64)), "PNG").notes)
    assert "quality:" in notes[Code.QUALITY]


@pytest.mark.parametrize(
    ("suffix", "name"), [(".heic", "HEIF"), (".jxl", "JXL"), (".avif", "AVIF")]
)
def test_pictures_of_phones_are_read_where_their_plugin_is(
    suffix: str, name: str, tmp_path: Path
) -> None:
    decode.readable_formats()  # brings the plugins in
    image = scene(320, 240)
    image.save(tmp_path / f"a{suffix}", quality=90)
    found = contents_of(tmp_path, next(survey(tmp_path)))
    assert [picture.name for picture in found.pictures] == [f"a{suffix}"]
    facts = examine((tmp_path / f"a{suffix}").read_bytes(), Limits())
    assert (facts.format, facts.width, facts.height) == (name, 320, 240)
    difference = np.asarray(facts.preview, int) - np.asarray(image.resize((256, 192)), int)
    assert np.abs(difference).mean() < 8


def test_without_its_plugin_a_picture_of_a_phone_is_skipped_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(b"x")
    monkeypatch.setattr("sdxl_reg.imaging.scan.readable_formats", lambda: ("JPEG", "PNG"))
    found = contents_of(tmp_path, next(survey(tmp_path)))
    assert found.pictures == []
    assert "pip install 'sdxl-reg[formats]'" in found.problems[0].message


def test_the_digest_of_pixels_wants_the_whole_picture() -> None:
    image = scene(300, 200)
    changed = image.copy()
    changed.putpixel((299, 199), (1, 2, 3))
    digests = {pixel_digest(encoded(one, "PNG"), Limits()) for one in (image, changed)}
    assert len(digests) == 2
