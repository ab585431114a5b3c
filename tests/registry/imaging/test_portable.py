"""Pictures for readers that know nothing of EXIF and colour profiles."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.examine import pixel_digest
from sdxl_reg.imaging.portable import portable
from sdxl_reg.imaging.problems import Unreadable
from tests.registry.catalog.pictures import jpeg, picture


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def digest(data: bytes) -> str:
    return pixel_digest(data, Limits())


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (jpeg(1), ".jpg"),
        (saved(picture(1), "PNG"), ".png"),
        (saved(picture(1).convert("RGBA"), "PNG"), ".png"),
        (saved(picture(1).convert("L"), "PNG"), ".png"),
        (saved(picture(1).convert("P"), "PNG"), ".png"),
        (saved(picture(1), "WEBP"), ".webp"),
        (saved(picture(1), "BMP"), ".bmp"),
    ],
)
def test_a_plain_picture_stays_as_it_is(data: bytes, suffix: str) -> None:
    found = portable(data)
    assert (found.data, found.suffix, found.is_original) == (data, suffix, True)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture(2), "JPEG", exif=exif)


def profiled() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return saved(picture(3).convert("CMYK"), "TIFF", icc_profile=profile.tobytes())


def grey_16_bits() -> bytes:
    values = np.random.default_rng(4).integers(0, 65536, (16, 24), dtype=np.uint16)
    return saved(Image.fromarray(values), "PNG")


@pytest.mark.parametrize(
    "data",
    [turned(), profiled(), grey_16_bits(), saved(picture(5), "GIF"), saved(picture(5), "TGA")],
)
def test_what_a_plain_reader_would_see_otherwise_becomes_png_of_the_same_pixels(
    data: bytes,
) -> None:
    found = portable(data)
    assert (found.suffix, found.is_original) == (".png", False)
    assert digest(found.data) == digest(data)
    with Image.open(io.BytesIO(found.data)) as image:
        assert image.getexif().get(0x0112) is None
        assert "icc_profile" not in image.info


def test_a_damaged_picture_is_refused() -> None:
    with pytest.raises(Unreadable):
        portable(jpeg(1)[:-200])
