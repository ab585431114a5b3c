"""Baked crops: every kind of picture upright, in sRGB, opaque, cut and resized as in training."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sdxl_reg.formats.kohya.buckets import Size, covering
from sdxl_reg.imaging.crops import WHOLE, Box, baked, crop_box, is_enlarged, size_of_part
from tests.registry.imaging.profiles import adobe_rgb, display_p3

BOX: Box = (0.25, 0.0, 0.75, 0.5)


def _scene(size: Size = (96, 64)) -> Image.Image:
    """Soft colours, another at each place."""
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    red, green = columns * 255 // size[0], rows * 255 // size[1]
    return Image.fromarray(np.dstack([red, green, (red + green) // 2]).astype(np.uint8))


def _file(picture: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, image_format, **options)
    return stream.getvalue()


def _values(picture: Image.Image) -> NDArray[np.int64]:
    assert picture.mode == "RGB"
    return np.asarray(picture).astype(np.int64)


def test_a_part_is_what_pillow_cuts_and_resizes() -> None:
    scene = _scene()
    by_pillow = scene.crop((24, 0, 72, 32)).resize((24, 16), Image.Resampling.LANCZOS)
    assert baked(_file(scene), BOX, (24, 16)).tobytes() == by_pillow.tobytes()
    assert baked(_file(scene), BOX, None).tobytes() == scene.crop((24, 0, 72, 32)).tobytes()


def test_what_is_over_after_resizing_is_cut_from_both_ends() -> None:
    scene = _scene((100, 50))
    whole = scene.resize((80, 40), Image.Resampling.LANCZOS)
    assert baked(scene, WHOLE, (40, 40)).tobytes() == whole.crop((20, 0, 60, 40)).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_cut_as_it_is_seen(orientation: int) -> None:
    scene = _scene()
    back = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = scene
    for step in back.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = baked(_file(stored, exif=exif.tobytes()), BOX, (24, 16))
    assert made.tobytes() == baked(scene, BOX, (24, 16)).tobytes()
    assert not made.getexif()


@pytest.mark.parametrize("profile", [adobe_rgb, display_p3])
def test_colours_of_wide_profiles_become_srgb(profile: Callable[[], bytes]) -> None:
    scene = _scene().point(lambda value: 64 + value // 2)  # colours that sRGB has too
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile()))
    wide = ImageCms.profileToProfile(scene, ImageCms.createProfile("sRGB"), source)
    assert wide is not None
    assert np.abs(_values(wide) - _values(scene)).max() > 8, "the profile says something else"
    made = baked(_file(wide, icc_profile=profile()), BOX, None)
    assert np.abs(_values(made) - _values(scene.crop((24, 0, 72, 32)))).max() <= 3
    assert "icc_profile" not in made.info


def test_cmyk_becomes_rgb() -> None:
    cmyk = _scene().convert("CMYK")
    made = baked(_file(cmyk, "JPEG", quality=95, subsampling=0), BOX, None)
    assert np.abs(_values(made) - _values(_scene().crop((24, 0, 72, 32)))).max() <= 12


def test_transparency_is_laid_on_the_background_before_anything_is_resized() -> None:
    junk = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(junk).convert("RGBA")
    picture.putalpha(0)
    picture.paste((200, 30, 40, 255), (16, 16, 48, 48))
    made = _values(baked(_file(picture), WHOLE, (16, 16), "#000000"))
    assert made[0, 0].tolist() == [0, 0, 0]
    assert made[8, 8].tolist() == [200, 30, 40]
    flat = Image.new("RGB", (64, 64))
    flat.paste((200, 30, 40), (16, 16, 48, 48))
    assert made.tolist() == _values(flat.resize((16, 16), Image.Resampling.LANCZOS)).tolist()
    assert _values(baked(_file(picture), WHOLE, (16, 16)))[0, 0].tolist() == [255, 255, 255]


def test_half_transparency_mixes_with_the_background() -> None:
    picture = Image.new("LA", (8, 8), (255, 128))
    assert _values(baked(_file(picture), WHOLE, None, "#000000")).max() in (127, 128, 129)


def test_grey_of_16_bits_keeps_its_steps() -> None:
    ramp = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    made = _values(baked(_file(Image.fromarray(ramp)), BOX, None))
    assert np.abs(made[..., 0] - np.round(ramp[:32, 24:72] / 257)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_every_plain_mode_shows_its_colours(mode: str) -> None:
    picture = _scene().convert(mode)
    made = baked(_file(picture), BOX, None)
    assert made.tobytes() == picture.convert("RGB").crop((24, 0, 72, 32)).tobytes()


def test_a_palette_with_a_transparent_entry_is_laid_on_the_background() -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([255, 0, 255, 10, 20, 30])
    picture.paste(1, (4, 0, 8, 8))
    made = baked(_file(picture, transparency=0), WHOLE, None, "#010203")
    assert made.getpixel((0, 0)) == (1, 2, 3)
    assert made.getpixel((7, 0)) == (10, 20, 30)


def test_the_first_picture_of_an_animation_is_baked() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = _file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert baked(data, WHOLE, (10, 10)).getpixel((5, 5)) == (255, 0, 0)


def test_the_picture_that_was_given_stays_as_it_is() -> None:
    scene = _scene()
    scene.info["icc_profile"] = b"x"
    made = baked(scene, WHOLE, None)
    made.paste("red", (0, 0, 9, 9))
    assert scene.tobytes() == _scene().tobytes()
    assert scene.info == {"icc_profile": b"x"}


side = st.integers(1, 80)


@given(st.tuples(side, side), st.tuples(side, side))
def test_a_baked_part_has_the_size_and_no_edge_of_nothing(size: Size, target: Size) -> None:
    made = baked(Image.new("RGB", size, (200, 200, 200)), crop_box(size, target), target)
    assert made.size == target
    assert made.getcolors() == [(target[0] * target[1], (200, 200, 200))]


def test_enlarging_is_told_of() -> None:
    assert is_enlarged((600, 600), WHOLE, (1024, 1024))
    assert is_enlarged((2048, 2048), (0.0, 0.0, 0.4, 0.4), (1024, 1024))
    assert not is_enlarged((2048, 1024), WHOLE, (1024, 1024))
    assert covering(size_of_part((2048, 1024), WHOLE), (1024, 1024)).resized == (2048, 1024)
