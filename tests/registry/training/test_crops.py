"""Stored crops in training: the pixels, the numbers of size, the mask and the bucket."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageDraw

from sdxl_reg.diffusion.latents import CENTRE, Pixels, cut_pixels
from sdxl_reg.formats.kohya.buckets import covering
from sdxl_reg.imaging.crops import Box, baked
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.decoding import decoded_picture
from tests.registry.imaging.profiles import adobe_rgb, display_p3

BOX: Box = (0.25, 0.0, 0.75, 0.5)
SIZE = (192, 128)


def _scene() -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(SIZE)


def _turned() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif.tobytes()}


def _transparent() -> Image.Image:
    picture = _scene().convert("RGBA")
    alpha = Image.new("L", SIZE, 0)
    ImageDraw.Draw(alpha).ellipse((30, 10, 150, 90), fill=255)
    picture.putalpha(alpha)
    return picture


def _grey_16() -> Image.Image:
    values = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0])
    return Image.fromarray(values.astype(np.uint16))


KINDS: dict[str, Callable[[], tuple[Image.Image, str, dict[str, object]]]] = {
    "plain": lambda: (_scene(), "PNG", {}),
    "turned": lambda: (_scene().transpose(Image.Transpose.ROTATE_90), "PNG", _turned()),
    "cmyk": lambda: (_scene().convert("CMYK"), "JPEG", {}),
    "adobe rgb": lambda: (_scene(), "PNG", {"icc_profile": adobe_rgb()}),
    "display p3": lambda: (_scene(), "JPEG", {"icc_profile": display_p3()}),
    "transparent": lambda: (_transparent(), "PNG", {}),
    "16 bits": lambda: (_grey_16(), "PNG", {}),
    "palette": lambda: (_scene().convert("P"), "PNG", {}),
}


def _file(path: Path, kind: str) -> TrainingImage:
    picture, image_format, options = KINDS[kind]()
    picture.save(path, image_format, **options)
    return TrainingImage(path=path, sha256="0" * 64, caption="", tags="", crop=BOX)


def _seen_by_pillow(path: Path) -> Image.Image:
    """The upright original in sRGB on black, made with Pillow alone."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
        picture = image.copy()
    if picture.getexif().get(0x0112) == 6:
        picture = picture.transpose(Image.Transpose.ROTATE_270)
    if profile:
        srgb = ImageCms.createProfile("sRGB")
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
        assert made is not None
        return made
    if picture.mode == "I;16":
        values = np.asarray(picture).astype(np.float64) / 257
        return Image.fromarray(values.round().astype(np.uint8)).convert("RGB")
    if picture.mode == "RGBA":
        black = Image.new("RGBA", picture.size, "black")
        return Image.alpha_composite(black, picture).convert("RGB")
    return picture.convert("RGB")


def _trained(image: TrainingImage, size: tuple[int, int], **settings: object) -> Pixels:
    config = DenoisingConfig.model_validate({"alpha_background": "#000000"} | settings)
    picture, counts = decoded_picture(image, config)
    return cut_pixels(picture, counts, covering(picture.size, size), place=CENTRE)


@pytest.mark.parametrize("kind", KINDS)
def test_training_sees_the_box_that_pillow_cuts_of_the_upright_original(
    kind: str, tmp_path: Path
) -> None:
    image = _file(tmp_path / "x", kind)
    whole = _seen_by_pillow(image.path)
    assert whole.size == SIZE
    part = whole.crop((48, 0, 144, 64)).resize((48, 32), Image.Resampling.LANCZOS)
    seen = ((_trained(image, (48, 32)).values + 1) / 2 * 255).round().permute(1, 2, 0)
    assert np.array_equal(seen.numpy().astype(np.uint8), np.asarray(part))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(48, 32), (40, 40), (64, 16)])
def test_training_and_exports_see_the_same_pixels(
    kind: str, size: tuple[int, int], tmp_path: Path
) -> None:
    image = _file(tmp_path / "x", kind)
    made = np.asarray(baked(image.path.read_bytes(), BOX, size, "#000000"), dtype=np.float32)
    assert torch.equal(
        _trained(image, size).values, torch.from_numpy(made).permute(2, 0, 1) / 255 * 2 - 1
    )


def test_the_original_size_is_that_of_the_part_and_the_cut_begins_in_it(tmp_path: Path) -> None:
    pixels = _trained(_file(tmp_path / "x", "plain"), (64, 64))
    assert pixels.original_size == (64, 96)
    assert pixels.crops_coords_top_left == (0, 16)


def test_a_mask_is_cut_as_its_picture_is(tmp_path: Path) -> None:
    mask = Image.new("L", SIZE, 0)
    mask.paste(255, (96, 0, 192, 128))
    mask.save(tmp_path / "m.png")
    image = _file(tmp_path / "x", "plain")
    masked = TrainingImage(
        path=image.path, sha256="", caption="", tags="", crop=BOX, mask_path=tmp_path / "m.png"
    )
    counts = _trained(masked, (96, 64)).mask
    assert counts[0, :, :6].max() == 0
    assert counts[0, :, 6:].min() == 1


def test_alpha_that_masks_the_loss_is_cut_too(tmp_path: Path) -> None:
    image = _file(tmp_path / "x", "transparent")
    counts = _trained(image, (96, 64), alpha_mask=True).mask
    alpha = _transparent().getchannel("A").crop((48, 0, 144, 64))
    shown = np.asarray(alpha.resize((12, 8), Image.Resampling.BOX), dtype=np.float32) / 255
    assert np.allclose(counts[0].numpy(), shown)
