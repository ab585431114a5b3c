"""Pictures as they are trained: upright, in sRGB, with what counts of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.decoding import decoded_picture


def _image(path: Path, mask: Path | None = None) -> TrainingImage:
    return TrainingImage(path=path, sha256="0" * 64, caption="", tags="", mask_path=mask)


def _config(**settings: object) -> DenoisingConfig:
    return DenoisingConfig.model_validate(settings)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40), "black")
    picture.paste((255, 255, 255), (0, 0, 30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    picture.save(tmp_path / "x.png", exif=exif)
    found, _ = decoded_picture(_image(tmp_path / "x.png"), _config())
    assert found.size == (40, 60)
    assert found.getpixel((20, 2)) == (255, 255, 255)
    assert found.getpixel((20, 57)) == (0, 0, 0)


def test_colours_are_those_that_people_see(tmp_path: Path) -> None:
    """The numbers of a picture mean little without its profile: in this one, red is blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"...."), (b"bXYZ", b"rXYZ"), (b"....", b"bXYZ")):
        profile = profile.replace(old, new)
    profile = profile.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))
    Image.new("RGB", (8, 8), (240, 9, 9)).save(tmp_path / "x.png", icc_profile=profile)
    found, _ = decoded_picture(_image(tmp_path / "x.png"), _config())
    red, _, blue = np.array(found)[4, 4].tolist()
    assert blue > 200 > 50 > red


def test_sixteen_bits_become_eight_without_being_cut_off(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    found, _ = decoded_picture(_image(tmp_path / "x.png"), _config())
    assert np.array(found)[..., 0].ravel().tolist() == [
        round(v / 65535 * 255) for v in values.ravel()
    ]


@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0)])
def test_transparent_parts_show_the_background(tmp_path: Path, background: str, value: int) -> None:
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "x.png")
    found, counts = decoded_picture(
        _image(tmp_path / "x.png"), _config(alpha_background=background)
    )
    assert found.getpixel((4, 4)) == (value, value, value)
    assert counts is None, "transparent parts count unless alpha_mask is on"


def test_with_alpha_mask_transparent_parts_do_not_count(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (16, 8), (9, 9, 9, 255))
    picture.paste((9, 9, 9, 0), (0, 0, 8, 8))
    picture.save(tmp_path / "x.png")
    _, counts = decoded_picture(_image(tmp_path / "x.png"), _config(alpha_mask=True))
    assert counts is not None
    assert (counts.getpixel((2, 2)), counts.getpixel((12, 2))) == (0, 255)


def test_a_mask_file_says_what_counts_and_alpha_takes_away_from_it(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (24, 8), (9, 9, 9, 255))
    picture.paste((9, 9, 9, 0), (0, 0, 8, 8))
    picture.save(tmp_path / "x.png")
    mask = Image.new("L", (24, 8), 128)
    mask.paste(0, (16, 0, 24, 8))
    mask.save(tmp_path / "m.png")
    image = _image(tmp_path / "x.png", tmp_path / "m.png")
    _, alone = decoded_picture(image, _config())
    _, both = decoded_picture(image, _config(alpha_mask=True))
    assert alone is not None
    assert both is not None
    assert [alone.getpixel((x, 4)) for x in (4, 12, 20)] == [128, 128, 0]
    assert [both.getpixel((x, 4)) for x in (4, 12, 20)] == [0, 128, 0]


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    Image.new("L", (8, 9)).save(tmp_path / "m.png")
    with pytest.raises(Unreadable, match="Its mask is 8×9 pixels, it is 8×8"):
        decoded_picture(_image(tmp_path / "x.png", tmp_path / "m.png"), _config())


def test_bytes_that_are_no_picture_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(Unreadable, match="It is text, not a picture"):
        decoded_picture(_image(tmp_path / "x.png"), _config())


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="vanished"):
        decoded_picture(_image(tmp_path / "x.png"), _config())
