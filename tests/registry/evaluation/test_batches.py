"""Which pictures are drawn together, and in which order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.evaluation.batches import MOST_VERSIONS, active, batch_size, batches
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.jobs.spec import CellSpec
from sdxl_reg.vocabulary import ArtifactKind, Sampler
from tests.registry.evaluation.jobs import picture, use

KINDS = {
    "lora": ArtifactKind.LORA,
    "hyper": ArtifactKind.HYPERNETWORK,
    "word": ArtifactKind.EMBEDDING,
    "whole": ArtifactKind.CHECKPOINT,
}


def _kind_of(ref: str) -> ArtifactKind:
    return KINDS[ref.partition("@")[0]]


def _batched(pictures: Sequence[PictureSpec], size: int = 8) -> list[list[PictureSpec]]:
    cells = [CellSpec(key=str(number), picture=one) for number, one in enumerate(pictures)]
    return [[cell.picture for cell in batch] for batch in batches(cells, size, _kind_of)]


def _refs(batch: Sequence[PictureSpec]) -> list[str]:
    return [uses[-1].ref if (uses := active(one)) else "" for one in batch]


@pytest.mark.parametrize(("kind", "mixes"), [("lora", 1), ("hyper", 1), ("word", 2), ("whole", 2)])
def test_versions_of_loras_and_hypernetworks_share_a_batch_and_others_never(
    kind: str, mixes: int
) -> None:
    pictures = [
        picture("a", use(f"{kind}@{number}", strength))
        for strength in (0.5, 1.0)
        for number in (1, 2)
    ]
    found = _batched(pictures)
    assert len(found) == mixes
    assert [ref for batch in found for ref in _refs(batch)] == [
        f"{kind}@{number}" for number in (1, 1, 2, 2)
    ]


def test_kinds_do_not_share_a_batch() -> None:
    assert len(_batched([picture("a", use(f"{kind}@1")) for kind in KINDS])) == 4


def test_at_most_so_many_versions_share_a_batch() -> None:
    found = _batched([picture("a", use(f"lora@{number}")) for number in range(9)], size=9)
    assert [len(batch) for batch in found] == [MOST_VERSIONS, MOST_VERSIONS, 1]


def test_pictures_of_the_base_fill_up_a_batch_and_come_first() -> None:
    pictures = [picture("a", use("lora@1")), picture("a", use("lora@1", 0.0)), picture("b")]
    assert [_refs(batch) for batch in _batched(pictures)] == [["", "", "lora@1"]]
    alone = [picture("b"), picture("a", use("word@1", 0.0))]
    assert [_refs(batch) for batch in _batched(alone)] == [["", ""]]


def test_pictures_of_the_base_join_no_batch_with_other_settings_or_called_up_adapters() -> None:
    pictures = [
        picture("a", use("lora@1"), num_inference_steps=9),
        picture("a", use("lora@2"), use("lora@1")),
        picture("a"),
    ]
    assert len(_batched(pictures)) == 3


def test_what_a_prompt_calls_up_keeps_batches_apart() -> None:
    pictures = [
        picture("a", use(f"lora@{first}"), use(f"lora@{second}"))
        for first in (1, 2)
        for second in (3, 4)
    ]
    found = _batched(pictures)
    assert [[one.adapters[0].ref for one in batch] for batch in found] == [
        ["lora@1"] * 2,
        ["lora@2"] * 2,
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "b"},
        {"prompt_2": "b"},
        {"negative_prompt": "b"},
        {"negative_prompt_2": "b"},
        {"seed": 9},
    ],
)
def test_texts_and_seeds_are_a_rows_own(fields: dict[str, object]) -> None:
    assert len(_batched([picture("a"), picture("a").model_copy(update=fields)])) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"base": "other@1"},
        {"width": 96},
        {"num_inference_steps": 9},
        {"guidance_scale": 3},
        {"sampler": Sampler.DDIM},
        {"clip_skip": 1},
        {"tiling": True},
        {"vae": "a" * 64},
        {"init_image": "a" * 64},
        {"refiner": "other@1"},
        {"hires_scale": 2},
    ],
)
def test_everything_else_is_of_the_whole_batch(fields: dict[str, object]) -> None:
    assert len(_batched([picture("a"), picture("a").model_copy(update=fields)])) == 2


def test_what_is_dear_to_change_changes_last() -> None:
    pictures = [
        picture("a", use(f"lora@{number}"), base=base, guidance_scale=scale)
        for scale in (3, 5)
        for number in (1, 2)
        for base in ("a@1", "b@1")
    ]
    found = _batched(pictures, size=2)
    assert [batch[0].base for batch in found] == ["a@1"] * 2 + ["b@1"] * 2


PICTURES = st.builds(
    lambda ref, strength, steps: picture("a", use(ref, strength), num_inference_steps=steps),
    st.sampled_from([f"{kind}@{number}" for kind in KINDS for number in (1, 2, 3, 4, 5)]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([2, 3]),
)


@given(st.lists(PICTURES, max_size=30), st.integers(1, 6))
def test_every_picture_is_in_one_batch_that_keeps_the_rules(
    pictures: list[PictureSpec], size: int
) -> None:
    found = _batched(pictures, size)
    drawn = [one for batch in found for one in batch]
    assert sorted(map(repr, drawn)) == sorted(map(repr, pictures))
    for batch in found:
        refs = set(_refs(batch)) - {""}
        assert 0 < len(batch) <= size
        assert len(refs) <= MOST_VERSIONS
        assert len({one.num_inference_steps for one in batch}) == 1
        if any(_kind_of(ref) not in (ArtifactKind.LORA, ArtifactKind.HYPERNETWORK) for ref in refs):
            assert len(refs) == 1


@pytest.mark.parametrize(
    ("count", "side", "size"),
    [(1, 64, 1), (16, 64, 16), (17, 64, 9), (100, 64, 15), (0, 64, 1), (7, 1024, 4), (9, 4096, 1)],
)
def test_batches_are_as_large_as_fits_and_equally_full(count: int, side: int, size: int) -> None:
    assert batch_size(count, width=side, height=side) == size
