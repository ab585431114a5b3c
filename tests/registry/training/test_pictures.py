"""Pictures before and at a showing: their buckets, their faults, their latents and numbers."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.noise import seeded
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.kohya.buckets import Size
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.pictures import Encoded, Latents, Picture, resolution_of, sorted_in

Shape = tuple[int, ...]


@pytest.fixture(scope="module")
def base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Made for 64 px."""
    config = DenoisingConfig()
    job = training_job(config, tiny_base, tmp_path_factory.mktemp("job"))
    return loaded_base(job, config)


@pytest.fixture
def through_vae(base: Base) -> Iterator[list[Shape]]:
    """The shapes of what the VAE encodes, as it goes on."""
    shapes: list[Shape] = []
    hook = base.pipeline.vae.encoder.register_forward_hook(
        lambda _, given, __: shapes.append(tuple(given[0].shape))
    )
    yield shapes
    hook.remove()


def _config(**settings: object) -> DenoisingConfig:
    return DenoisingConfig.model_validate(settings)


def _image(folder: Path, size: Size = (96, 64), *, name: str = "x.png") -> TrainingImage:
    """A picture of noise that is coarse enough to be seen in latents."""
    pixels = np.random.default_rng(len(name)).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size).save(folder / name)
    return TrainingImage(path=folder / name, sha256=f"{name}-{size}", caption="a mug", tags="")


def _damaged(folder: Path, count: int) -> list[TrainingImage]:
    """Files that are no pictures, named 00.png, 01.png, …"""
    images = []
    for number in range(count):
        path = folder / f"{number:02}.png"
        path.write_bytes(b"no picture")
        images.append(TrainingImage(path=path, sha256=f"{number:064}", caption="", tags=""))
    return images


def _cut_short(folder: Path, *, name: str = "cut.png") -> TrainingImage:
    """A picture with a whole header and nothing of its end."""
    image = _image(folder, name=name)
    data = image.path.read_bytes()
    image.path.write_bytes(data[: len(data) * 2 // 3])
    return image


def _sorted(base: Base, images: Sequence[TrainingImage], **settings: object) -> list[Picture]:
    return sorted_in(images, base, _config(**settings), Heard())


def _fits(base: Base, folder: Path, size: Size, **settings: object) -> tuple[Size, Size]:
    """The bucket of a picture of that size, and what it is resized to."""
    (picture,) = _sorted(base, [_image(folder, size)], **settings)
    assert picture.size == size
    return picture.fit.bucket, picture.fit.resized


@pytest.mark.parametrize(
    ("size", "settings", "bucket", "resized"),
    [
        ((640, 640), {}, (64, 64), (64, 64)),
        ((96, 64), {}, (64, 64), (96, 64)),
        ((300, 100), {}, (96, 32), (96, 32)),
        ((40, 160), {}, (32, 128), (32, 128)),
        ((10, 90), {}, (32, 128), (32, 288)),
        ((300, 100), {"max_bucket_reso": 64}, (64, 32), (96, 32)),
        ((300, 100), {"min_bucket_reso": 64}, (64, 64), (192, 64)),
        ((300, 100), {"bucket_reso_steps": 64}, (64, 64), (192, 64)),
        ((96, 64), {"resolution": 128}, (160, 96), (160, 107)),
        ((96, 64), {"resolution": 128, "bucket_reso_steps": 64}, (128, 128), (192, 128)),
        ((96, 64), {"enable_bucket": False}, (64, 64), (96, 64)),
        ((300, 100), {"enable_bucket": False}, (64, 64), (192, 64)),
        ((300, 100), {"enable_bucket": False, "resolution": (64, 128)}, (64, 128), (384, 128)),
        ((50, 40), {"bucket_no_upscale": True}, (32, 32), (50, 40)),
        ((90, 40), {"bucket_no_upscale": True}, (64, 32), (90, 40)),
        ((100, 300), {"bucket_no_upscale": True}, (32, 96), (32, 96)),
        ((90, 40), {"bucket_no_upscale": True, "enable_bucket": False}, (64, 64), (144, 64)),
    ],
)
def test_a_picture_is_trained_in_the_size_that_the_settings_give(
    base: Base, tmp_path: Path, size: Size, settings: dict[str, object], bucket: Size, resized: Size
) -> None:
    assert _fits(base, tmp_path, size, **settings) == (bucket, resized)


@pytest.mark.parametrize(("native", "step"), [(64, 32), (480, 32), (512, 64), (1024, 64)])
def test_buckets_of_bases_for_small_pictures_have_finer_steps(
    base: Base, tmp_path: Path, native: int, step: int
) -> None:
    base = replace(base, native=native)
    sizes = [(100 + 19 * number, 200) for number in range(12)]
    settings = {"resolution": max(128, native // 64 * 64)}
    sides = [side for size in sizes for side in _fits(base, tmp_path, size, **settings)[0]]
    assert {side % step for side in sides} == {0}
    assert step == 64 or any(side % 64 for side in sides)


def test_a_photograph_is_sorted_in_as_it_is_seen(base: Base, tmp_path: Path) -> None:
    image = _image(tmp_path, (300, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    Image.open(image.path).save(image.path, exif=exif)
    (picture,) = _sorted(base, [image])
    assert (picture.size, picture.fit.bucket) == ((100, 300), (32, 96))


def test_a_picture_with_a_crop_is_sorted_in_by_the_shape_of_the_crop(
    base: Base, tmp_path: Path
) -> None:
    image = replace(_image(tmp_path, (400, 200)), crop=(0.25, 0.0, 1.0, 0.5))
    (picture,) = _sorted(base, [image])
    assert (picture.size, picture.fit.bucket) == ((300, 100), (96, 32))
    assert _fits(base, tmp_path, (300, 100)) == (picture.fit.bucket, picture.fit.resized)


def test_the_numbers_of_size_are_those_of_the_crop(base: Base, tmp_path: Path) -> None:
    image = replace(_image(tmp_path, (192, 128)), crop=(0.0, 0.0, 0.5, 0.5))
    (picture,) = _sorted(base, [image])
    found = _latents(base, tmp_path).plain(picture)
    assert found.sizes.tolist() == [64, 96, 0, 16, 64, 64]


def test_the_resolution_is_the_bases_own_unless_it_is_said(base: Base) -> None:
    assert resolution_of(base, _config()) == (64, 64)
    assert resolution_of(base, _config(resolution="128,64")) == (128, 64)
    assert resolution_of(replace(base, native=1024), _config()) == (1024, 1024)


@pytest.mark.parametrize(
    ("native", "resolution", "range_"),
    [
        (64, (64, 192), "64 and 128"),
        (64, (192, 64), "64 and 128"),
        (1024, (1024, 192), "256 and 2048"),
        (1024, (2112, 1024), "256 and 2048"),
    ],
)
def test_a_resolution_far_from_the_bases_own_is_refused(
    base: Base, tmp_path: Path, native: int, resolution: Size, range_: str
) -> None:
    base = replace(base, native=native)
    with pytest.raises(InvalidValue, match=f"made for {native} px.*Choose sides between {range_}"):
        _sorted(base, [_image(tmp_path)], resolution=resolution)


def test_buckets_that_cannot_hold_the_resolution_are_refused(base: Base, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="Raise max_bucket_reso or lower resolution"):
        _sorted(base, [_image(tmp_path)], resolution=128, max_bucket_reso=96)


@pytest.mark.parametrize(
    ("count", "others"),
    [
        (1, ""),
        (2, "; likewise 01.png"),
        (10, "; likewise " + ", ".join(f"{number:02}.png" for number in range(1, 10))),
        (13, "; likewise " + ", ".join(f"{number:02}.png" for number in range(1, 10)) + ", 3 more"),
    ],
)
def test_all_pictures_that_cannot_be_read_are_named_at_once(
    base: Base, tmp_path: Path, count: int, others: str
) -> None:
    images = [_image(tmp_path), *_damaged(tmp_path, count)]
    with pytest.raises(Corrupt) as caught:
        _sorted(base, images)
    assert str(caught.value) == (
        f"00.png: It is text, not a picture{others}. "
        "Mend or remove it, or train without it: skip_bad = true"
    )


def test_pictures_are_called_as_people_call_them(base: Base, tmp_path: Path) -> None:
    images = [replace(image, name=f"mug/{image.path.name}") for image in _damaged(tmp_path, 2)]
    with pytest.raises(Corrupt, match=r"^mug/00\.png: .*; likewise mug/01\.png\."):
        _sorted(base, images)


def test_a_picture_too_small_to_be_left_its_size_is_a_fault_like_others(
    base: Base, tmp_path: Path
) -> None:
    small = _image(tmp_path, (20, 90), name="small.png")
    with pytest.raises(Corrupt, match=r"^small\.png: picture too small for a bucket: 20 × 90"):
        _sorted(base, [_image(tmp_path), small], bucket_no_upscale=True)
    kept = _sorted(base, [_image(tmp_path), small], bucket_no_upscale=True, skip_bad=True)
    assert [picture.image.title for picture in kept] == ["x.png"]


def test_bad_pictures_are_left_out_on_request_and_each_is_told_of(
    base: Base, tmp_path: Path
) -> None:
    heard = Heard()
    images = [*_damaged(tmp_path, 12), _image(tmp_path)]
    found = sorted_in(images, base, _config(skip_bad=True), heard)
    assert [picture.image.title for picture in found] == ["x.png"]
    assert heard.messages == [
        f"left out {number:02}.png: It is text, not a picture" for number in range(12)
    ]


def test_a_dataset_with_nothing_but_bad_pictures_is_refused_all_the_same(
    base: Base, tmp_path: Path
) -> None:
    with pytest.raises(Corrupt, match=r"^00\.png: .*likewise 01\.png"):
        _sorted(base, _damaged(tmp_path, 2), skip_bad=True)


def test_a_picture_whose_end_is_missing_is_found_when_it_is_encoded(
    base: Base, tmp_path: Path
) -> None:
    images = [_image(tmp_path), *(_cut_short(tmp_path, name=f"cut{n}.png") for n in range(2))]
    pictures = _sorted(base, images)
    assert len(pictures) == 3, "a header says nothing of the end"
    with pytest.raises(Corrupt, match=r"^cut0\.png: Its end is missing.*; likewise cut1\.png\."):
        _latents(base, tmp_path).encode_all(pictures, Heard())


@pytest.mark.parametrize("settings", [{}, {"random_crop": True}])
def test_one_whose_end_is_missing_is_left_out_on_request(
    base: Base, tmp_path: Path, settings: dict[str, object]
) -> None:
    heard = Heard()
    pictures = _sorted(base, [_cut_short(tmp_path), _image(tmp_path)])
    latents = _latents(base, tmp_path, skip_bad=True, **settings)
    assert latents.encode_all(pictures, heard) == pictures[1:]
    assert heard.messages == ["left out cut.png: Its end is missing; copy it again from its origin"]
    assert heard.stages == [(1, 2, "encode pictures"), (2, 2, "encode pictures")]


def _latents(base: Base, folder: Path, **settings: object) -> Latents:
    return Latents(base, TensorCache(folder / "cache"), _config(**settings))


def _entries(folder: Path) -> int:
    return len(list((folder / "cache").rglob("*.safetensors")))


def _equal(one: Encoded, other: Encoded) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_a_picture_is_encoded_once_for_all_showings_and_all_runs(
    base: Base, tmp_path: Path, through_vae: list[Shape]
) -> None:
    pictures = _sorted(base, [_image(tmp_path)])
    latents = _latents(base, tmp_path)
    latents.encode_all(pictures, Heard())
    assert through_vae == [(1, 3, 64, 64)]
    first = latents.showing(pictures[0], seeded(1))
    second = _latents(base, tmp_path).showing(pictures[0], seeded(2))
    assert through_vae == [(1, 3, 64, 64)]
    assert _equal(first, second)
    assert _entries(tmp_path) == 1


def test_latents_are_those_of_the_cut_picture(base: Base, tmp_path: Path) -> None:
    (picture,) = _sorted(base, [_image(tmp_path)])
    found = _latents(base, tmp_path).plain(picture)
    pixels = np.asarray(Image.open(picture.image.path).crop((16, 0, 80, 64)), dtype=np.float32)
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255 * 2 - 1
    vae = base.pipeline.vae
    with torch.no_grad():
        expected = vae.encode(values).latent_dist.mean * vae.config.scaling_factor
    assert found.latents.shape == (4, 8, 8)
    assert torch.allclose(found.latents, expected[0], atol=1e-6)
    assert torch.equal(found.mask, torch.ones(1, 8, 8))


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        ({"sha256": "another"}, {}),
        ({"mask_path": Path("m.png"), "mask_sha256": "mask"}, {}),
        ({"crop": (0.25, 0.0, 0.75, 1.0)}, {}),
        ({}, {"alpha_background": "black"}),
        ({}, {"alpha_background": "#102030"}),
        ({}, {"alpha_mask": True}),
        ({}, {"resolution": 128}),
        ({}, {"resolution": 128, "enable_bucket": False}),
    ],
    ids=str,
)
def test_whatever_changes_the_latents_is_another_entry(
    base: Base,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    settings: dict[str, object],
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (96, 64), 255).save("m.png")
    image = _image(tmp_path)
    _latents(base, tmp_path).encode_all(_sorted(base, [image]), Heard())
    others = _sorted(base, [replace(image, **change)], **settings)
    _latents(base, tmp_path, **settings).encode_all(others, Heard())
    assert _entries(tmp_path) == 2


@pytest.mark.parametrize("size", [(96, 64), (70, 66)], ids=["cut otherwise", "resized otherwise"])
def test_bucket_and_size_before_the_cut_are_both_told_apart(
    base: Base, tmp_path: Path, size: Size
) -> None:
    image = _image(tmp_path, size)
    fits = []
    for settings in ({}, {"resolution": 128, "bucket_no_upscale": True}):
        pictures = _sorted(base, [image], **settings)
        _latents(base, tmp_path, **settings).encode_all(pictures, Heard())
        fits.append(pictures[0].fit)
    assert (fits[0].bucket == fits[1].bucket) != (fits[0].resized == fits[1].resized)
    assert _entries(tmp_path) == 2


def test_another_vae_is_another_entry(base: Base, tmp_path: Path) -> None:
    (picture,) = _sorted(base, [_image(tmp_path)])
    first = _latents(base, tmp_path).plain(picture)
    vae = copy.deepcopy(base.pipeline.vae)
    vae.quant_conv.bias += 1
    other = replace(base, pipeline=SimpleNamespace(vae=vae))
    second = _latents(other, tmp_path).plain(picture)
    scale = base.pipeline.vae.config.scaling_factor
    assert torch.allclose(second.latents, first.latents + scale, atol=1e-5)


def test_mirroring_keeps_two_entries_and_half_of_the_showings_are_mirrored(
    base: Base, tmp_path: Path, through_vae: list[Shape]
) -> None:
    (picture,) = _sorted(base, [_image(tmp_path)])
    latents = _latents(base, tmp_path, flip_aug=True)
    latents.encode_all([picture], Heard())
    assert (len(through_vae), _entries(tmp_path)) == (2, 2)
    plain, mirrored = latents.plain(picture), latents.plain(picture, mirrored=True)
    shown = [latents.showing(picture, seeded(seed)) for seed in range(40)]
    assert not torch.equal(plain.latents, mirrored.latents)
    assert 10 < sum(_equal(each, mirrored) for each in shown) < 30
    assert all(_equal(each, mirrored) or _equal(each, plain) for each in shown)
    assert len(through_vae) == 2


def test_without_mirroring_no_showing_is_mirrored(base: Base, tmp_path: Path) -> None:
    (picture,) = _sorted(base, [_image(tmp_path)])
    latents = _latents(base, tmp_path)
    plain = latents.plain(picture)
    assert all(_equal(latents.showing(picture, seeded(seed)), plain) for seed in range(10))


def test_a_mirrored_picture_is_that_of_the_mirrored_file(base: Base, tmp_path: Path) -> None:
    """To the pixel: the cut begins 16 of 33 pixels from the left, and then 17."""
    (picture,) = _sorted(base, [_image(tmp_path, (97, 64))])
    found = _latents(base, tmp_path).plain(picture, mirrored=True)
    cut = Image.open(picture.image.path).crop((16, 0, 80, 64))
    cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "turned.png")
    image = replace(picture.image, path=tmp_path / "turned.png", sha256="turned")
    (turned,) = _sorted(base, [image])
    assert torch.equal(found.latents, _latents(base, tmp_path).plain(turned).latents)
    assert found.sizes.tolist() == [64, 97, 0, 17, 64, 64]


def test_a_random_cut_is_encoded_at_every_showing_and_kept_nowhere(
    base: Base, tmp_path: Path, through_vae: list[Shape]
) -> None:
    (picture,) = _sorted(base, [_image(tmp_path, (300, 64))])
    latents = _latents(base, tmp_path, random_crop=True)
    latents.encode_all([picture], Heard())
    assert through_vae == [], "there is nothing that could be encoded beforehand"
    shown = [latents.showing(picture, seeded(seed)) for seed in (0, 1, 0)]
    assert len(through_vae) == 3
    assert _entries(tmp_path) == 0
    assert _equal(shown[0], shown[2]), "the generator alone decides on the place"
    assert not torch.equal(shown[0].latents, shown[1].latents)
    assert shown[0].sizes[3] != shown[1].sizes[3]


def test_random_cuts_reach_all_of_the_picture(base: Base, tmp_path: Path) -> None:
    (picture,) = _sorted(base, [_image(tmp_path, (192, 64))], enable_bucket=False)
    latents = _latents(base, tmp_path, random_crop=True)
    lefts = [int(latents.showing(picture, seeded(seed)).sizes[3]) for seed in range(60)]
    assert min(lefts) < 16
    assert max(lefts) > 112
    assert all(0 <= left <= 128 for left in lefts)


def test_a_mask_comes_at_the_size_of_the_latents_and_is_mirrored_with_them(
    base: Base, tmp_path: Path
) -> None:
    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (0, 0, 48, 64))
    mask.save(tmp_path / "m.png")
    image = replace(_image(tmp_path), mask_path=tmp_path / "m.png", mask_sha256="m")
    (picture,) = _sorted(base, [image])
    latents = _latents(base, tmp_path)
    left_half = torch.tensor([1.0] * 4 + [0.0] * 4).expand(1, 8, 8)
    assert torch.equal(latents.plain(picture).mask, left_half)
    assert torch.equal(latents.plain(picture, mirrored=True).mask, left_half.flip(2))


@pytest.mark.parametrize(
    ("conditioning", "numbers"),
    [
        ("original", [128, 250, 0, 30, 64, 64]),
        ("target", [64, 64, 0, 0, 64, 64]),
    ],
)
def test_sdxl_is_told_of_the_file_or_of_the_training_picture(
    base: Base, tmp_path: Path, conditioning: str, numbers: list[int]
) -> None:
    (picture,) = _sorted(base, [_image(tmp_path, (250, 128))], enable_bucket=False)
    found = _latents(base, tmp_path, size_conditioning=conditioning).plain(picture)
    assert picture.fit.resized == (125, 64)
    assert found.sizes.tolist() == numbers
    assert found.sizes.dtype == torch.float32


def test_what_sdxl_is_told_needs_no_encoding_anew(
    base: Base, tmp_path: Path, through_vae: list[Shape]
) -> None:
    (picture,) = _sorted(base, [_image(tmp_path, (250, 128))])
    sizes = [
        _latents(base, tmp_path, size_conditioning=name).plain(picture).sizes.tolist()
        for name in ("original", "target")
    ]
    assert sizes[0] != sizes[1]
    assert len(through_vae) == 1
