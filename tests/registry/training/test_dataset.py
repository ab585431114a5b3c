"""A dataset in training: what is held out, how often each picture is shown, what a batch holds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.noise import seeded
from sdxl_reg.errors import Corrupt
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.interface import TrainingImage, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.dataset import Dataset
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.trainee import LoraTrainee


class _Speaking(LoraTrainee):
    """Has a word in captions, as the trainee of an embedding has; else as another trainee."""

    def __init__(self, other: LoraTrainee) -> None:
        vars(self).update(vars(other))

    def caption(self, caption: str, chance: Random) -> str:
        return f"<{chance.choice('xyz')}> {caption}"

    def prompt(self, caption: str) -> str:
        return f"<p> {caption}"


@pytest.fixture(scope="module")
def job(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    """Four pictures: 96 × 64, 64 × 96, 64 × 64 and 80 × 64."""
    return training_job(DenoisingConfig(), tiny_base, tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def base(job: TrainingJob) -> Base:
    """Made for 64 px."""
    return loaded_base(job, DenoisingConfig())


@pytest.fixture(scope="module")
def silent(base: Base) -> LoraTrainee:
    """Leaves captions as they are."""
    return LoraTrainee(base, LoraConfig.model_validate({"rank": 1, "text_encoder_lr": 0}))


@pytest.fixture(scope="module")
def trainee(silent: LoraTrainee) -> _Speaking:
    """Says what a picture is shown and asked for with."""
    return _Speaking(silent)


def _dataset(
    job: TrainingJob,
    base: Base,
    images: Sequence[TrainingImage] | None = None,
    class_images: Sequence[TrainingImage] = (),
    **settings: object,
) -> Dataset:
    config = DenoisingConfig.model_validate(settings)
    job = replace(job, images=job.images if images is None else images)
    cache = TensorCache(job.cache_path)
    return Dataset(base, job, config, cache=cache, class_images=class_images, report=Heard())


def _images(job: TrainingJob, count: int, *, first: int = 0) -> list[TrainingImage]:
    """Many pictures, told apart by their digests."""
    return [
        replace(job.images[2], sha256=f"{number:064x}") for number in range(first, first + count)
    ]


def _held_out(data: Dataset) -> set[str]:
    return {picture.image.sha256 for picture in data.held_out}


@pytest.mark.parametrize(
    ("count", "split", "held"),
    [
        (10, 0.0, 0),
        (10, 0.2, 2),
        (10, 0.25, 2),
        (10, 0.01, 1),
        (10, 0.99, 9),
        (2, 0.9, 1),
        (1, 0.5, 0),
    ],
)
def test_a_share_of_the_pictures_is_held_out_and_one_at_least_is_trained(
    job: TrainingJob, base: Base, count: int, split: float, held: int
) -> None:
    images = _images(job, count)
    data = _dataset(job, base, images, validation_split=split)
    assert len(data.held_out) == held
    trained = {picture.image.sha256 for picture in data.pictures}
    assert trained.isdisjoint(_held_out(data))
    assert len(trained) == count - held


@pytest.mark.parametrize("added", [1, 4, 20])
def test_held_out_pictures_stay_the_same_when_others_are_added_but_for_their_number(
    job: TrainingJob, base: Base, added: int
) -> None:
    """Each has its place in an order that is its own, and the first ones are held out."""
    images = _images(job, 20)
    before = _held_out(_dataset(job, base, images, validation_split=0.25))
    more = [*_images(job, added, first=20), *images]
    after = _held_out(_dataset(job, base, more, validation_split=0.25))
    assert len(after) == round(0.25 * (20 + added))
    of_those = after & {image.sha256 for image in images}
    assert of_those <= before or before <= of_those
    assert len(before ^ of_those) <= added


def test_the_order_of_the_dataset_does_not_count_and_the_seed_does(
    job: TrainingJob, base: Base
) -> None:
    images = _images(job, 20)
    held = _held_out(_dataset(job, base, images, validation_split=0.25))
    assert _held_out(_dataset(job, base, images[::-1], validation_split=0.25)) == held
    assert _held_out(_dataset(job, base, images, validation_split=0.25, seed=1)) != held


def test_a_picture_that_is_there_twice_is_not_held_out_and_trained_too(
    job: TrainingJob, base: Base
) -> None:
    images = [*_images(job, 6), *_images(job, 6)]
    data = _dataset(job, base, images, validation_split=0.5)
    assert len(data.held_out) == 6
    assert len(_held_out(data)) == 3
    assert _held_out(data).isdisjoint(picture.image.sha256 for picture in data.pictures)


def test_class_pictures_stand_at_the_end_and_are_never_held_out(
    job: TrainingJob, base: Base
) -> None:
    classes = _images(job, 5, first=100)
    data = _dataset(job, base, class_images=classes, validation_split=0.5)
    assert [picture.is_class for picture in data.pictures] == [False] * 2 + [True] * 5
    assert not any(picture.is_class for picture in data.held_out)
    assert len(data.held_out) == 2


def test_pictures_are_shown_as_often_as_they_say(job: TrainingJob, base: Base) -> None:
    images = [replace(image, repeats=number) for number, image in enumerate(job.images, 1)]
    shown = _dataset(job, base, images).showings()
    assert [(each.index, each.repeats) for each in shown] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert [each.bucket for each in shown] == [(64, 64), (32, 96), (64, 64), (64, 64)]


@pytest.mark.parametrize(
    ("classes", "repeats"),
    [
        (1, [12]),
        (4, [3, 3, 3, 3]),
        (5, [3, 3, 2, 2, 2]),
        (12, [1] * 12),
        (20, [1] * 12),
    ],
)
def test_class_pictures_together_are_shown_as_often_as_the_own_ones(
    job: TrainingJob, base: Base, classes: int, repeats: list[int]
) -> None:
    """Whatever their own repeats say; where there are more of them, the first ones."""
    own = [replace(image, repeats=3) for image in job.images]
    others = [replace(image, repeats=7) for image in _images(job, classes, first=100)]
    shown = _dataset(job, base, own, others).showings()
    assert [each.repeats for each in shown[:4]] == [3] * 4
    assert [each.repeats for each in shown[4:]] == repeats
    assert [each.index for each in shown] == list(range(4 + len(repeats)))


def test_held_out_pictures_are_not_shown(job: TrainingJob, base: Base) -> None:
    shown = _dataset(job, base, _images(job, 10), validation_split=0.3).showings()
    assert [each.index for each in shown] == list(range(7))


def test_a_batch_holds_its_pictures_in_order(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    data = _dataset(job, base)
    batch = data.batch([3, 0], trainee, 1, seeded(0))
    assert batch.names == ("3.png", "0.png")
    assert [caption.partition("> ")[2] for caption in batch.captions] == [
        "a blue shoe",
        "a red mug",
    ]
    assert batch.sizes.tolist() == [[64, 80, 0, 8, 64, 64], [64, 96, 0, 16, 64, 64]]
    expected = [data.latents.plain(data.pictures[index]).latents for index in (3, 0)]
    assert torch.equal(batch.x0, torch.stack(expected))
    assert batch.mask is None
    assert batch.weights.tolist() == [1, 1]


def test_everything_random_in_a_batch_comes_from_its_generator(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    settings: dict[str, Any] = {"caption_dropout_rate": 0.5, "flip_aug": True, "random_crop": True}
    data = _dataset(job, base, **settings)
    indices = [0, 2, 3]
    one, again, other = (data.batch(indices, trainee, 1, seeded(number)) for number in (1, 1, 2))
    assert torch.equal(one.x0, again.x0)
    assert one.captions == again.captions
    assert not torch.equal(one.x0, other.x0)
    captions = {data.batch(indices, trainee, 1, seeded(number)).captions for number in range(9)}
    assert len(captions) > 3


def test_captions_are_dressed_as_the_settings_and_the_epoch_say(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    data = _dataset(job, base, caption_prefix="photo,", caption_dropout_every_n_epochs=2)
    said = [data.batch([0], trainee, epoch, seeded(0)).captions[0] for epoch in (1, 2, 3)]
    assert [caption.partition("> ")[2] for caption in said] == [
        "photo, a red mug",
        "",
        "photo, a red mug",
    ]


def test_captions_of_class_pictures_are_left_alone_by_the_trainee(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    """They say what the class is without the word that is being taught."""
    classes = [replace(job.images[2], caption="a mug")]
    data = _dataset(job, base, class_images=classes, caption_suffix="!")
    own, of_class = data.batch([0, 4], trainee, 1, seeded(0)).captions
    assert own in {f"<{word}> a red mug !" for word in "xyz"}
    assert of_class == "a mug !"


def test_class_pictures_count_as_much_as_is_said(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    data = _dataset(job, base, class_images=[job.images[2]], prior_loss_weight=0.25)
    assert data.batch([0, 4, 2], trainee, 1, seeded(0)).weights.tolist() == [1, 0.25, 1]


def _masked(job: TrainingJob, folder: Path) -> list[TrainingImage]:
    """The job's pictures, of which the first one's left half counts."""
    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (0, 0, 48, 64))
    mask.save(folder / "m.png")
    first, *others = job.images
    return [replace(first, mask_path=folder / "m.png", mask_sha256="m"), *others]


HALF = torch.tensor([1.0] * 4 + [0.0] * 4).expand(1, 8, 8)
WHOLE = torch.ones(1, 8, 8)


def test_masks_reach_the_batch_and_pictures_without_one_count_as_a_whole(
    job: TrainingJob, base: Base, trainee: _Speaking, tmp_path: Path
) -> None:
    data = _dataset(job, base, _masked(job, tmp_path))
    mask = data.batch([2, 0], trainee, 1, seeded(0)).mask
    assert mask is not None
    assert torch.equal(mask, torch.stack([WHOLE, HALF]))
    other = data.batch([2], trainee, 1, seeded(0)).mask
    assert other is not None, "every batch of a dataset is reckoned alike"
    assert torch.equal(other, WHOLE[None])


def test_masks_of_held_out_pictures_and_of_class_pictures_are_masks_too(
    job: TrainingJob, base: Base, trainee: _Speaking, tmp_path: Path
) -> None:
    masked = _masked(job, tmp_path)[0]
    data = _dataset(job, base, class_images=[masked])
    mask = data.batch([4], trainee, 1, seeded(0)).mask
    assert mask is not None
    assert torch.equal(mask, HALF[None])
    images = [replace(masked, mask_path=None, sha256=f"{number:064x}") for number in range(2)]
    held = _held_out(_dataset(job, base, images, validation_split=0.5))
    images = [
        replace(image, mask_path=masked.mask_path) if image.sha256 in held else image
        for image in images
    ]
    apart = _dataset(job, base, images, validation_split=0.5)
    (picture,) = apart.held_out
    mask = apart.held_out_batch(picture, trainee).mask
    assert mask is not None
    assert torch.equal(mask, HALF[None])


def test_with_alpha_mask_every_batch_has_a_mask(
    job: TrainingJob, base: Base, trainee: _Speaking, tmp_path: Path
) -> None:
    pixels = np.full((64, 64, 4), 200, dtype=np.uint8)
    pixels[:, :, 3] = np.repeat([255, 0], 32)
    Image.fromarray(pixels).save(tmp_path / "cut-out.png")
    images = [
        replace(job.images[2], path=tmp_path / "cut-out.png", sha256="cut-out"),
        job.images[2],
    ]
    assert _dataset(job, base, images).batch([0], trainee, 1, seeded(0)).mask is None
    mask = _dataset(job, base, images, alpha_mask=True).batch([0, 1], trainee, 1, seeded(0)).mask
    assert mask is not None
    assert torch.equal(mask, torch.stack([HALF, WHOLE]))


def test_a_held_out_picture_is_measured_with_nothing_left_to_chance(
    job: TrainingJob, base: Base, trainee: _Speaking
) -> None:
    data = _dataset(
        job,
        base,
        _images(job, 2),
        validation_split=0.5,
        flip_aug=True,
        random_crop=True,
        caption_dropout_rate=1.0,
        shuffle_caption=True,
    )
    (picture,) = data.held_out
    batches = [data.held_out_batch(picture, trainee) for _ in range(5)]
    assert {batch.captions for batch in batches} == {("<p> a red mug",)}
    plain = data.latents.plain(picture)
    assert all(torch.equal(batch.x0[0], plain.latents) for batch in batches)
    assert all(torch.equal(batch.sizes[0], plain.sizes) for batch in batches)


def test_every_caption_that_can_be_shown_is_known_beforehand(
    job: TrainingJob, base: Base, silent: LoraTrainee
) -> None:
    first, *others = job.images
    images = [replace(first, caption="the first", sha256="0" * 64), *others]
    classes = [replace(job.images[2], caption="a mug")]
    settings = {"caption_suffix": "!", "caption_dropout_rate": 0.5, "validation_split": 0.25}
    data = _dataset(job, base, images, classes, **settings)
    known = data.captions(silent)
    indices = [n for n, picture in enumerate(data.pictures) if picture.fit.bucket == (64, 64)]
    for number in range(20):
        assert set(data.batch(indices, silent, 1, seeded(number)).captions) <= set(known)
    assert set(data.held_out_batch(data.held_out[0], silent).captions) <= set(known)
    assert {"", "a mug !"} <= set(known)


@pytest.mark.parametrize("settings", [{"shuffle_caption": True}, {"caption_tag_dropout_rate": 0.1}])
def test_captions_that_chance_rearranges_are_not_known_beforehand(
    job: TrainingJob, base: Base, trainee: _Speaking, settings: dict[str, Any]
) -> None:
    assert _dataset(job, base, **settings).captions(trainee) == []


def test_all_pictures_are_encoded_before_the_first_step(
    job: TrainingJob, base: Base, trainee: _Speaking, tmp_path: Path
) -> None:
    job = replace(job, cache_path=tmp_path)
    heard = Heard()
    classes = _images(job, 1, first=100)
    data = _dataset(job, base, _images(job, 4), classes, validation_split=0.25)
    data.encode_all(heard)
    assert [stage[:2] for stage in heard.stages] == [(1, 4), (2, 4), (3, 4), (4, 4), (1, 1)]
    assert len(list(tmp_path.rglob("*.safetensors"))) == 5


def test_pictures_that_turn_out_bad_are_left_out_of_the_showings_on_request(
    job: TrainingJob, base: Base, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.png"
    data = job.images[0].path.read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    images = [replace(job.images[0], path=cut, sha256="cut"), *job.images[1:]]
    with pytest.raises(Corrupt, match=r"cut\.png: Its end is missing"):
        _dataset(job, base, images).encode_all(Heard())
    kept, heard = _dataset(job, base, images, skip_bad=True), Heard()
    kept.encode_all(heard)
    assert [picture.image.title for picture in kept.pictures] == ["1.png", "2.png", "3.png"]
    assert [each.index for each in kept.showings()] == [0, 1, 2]
    assert heard.messages == ["left out cut.png: Its end is missing; copy it again from its origin"]
