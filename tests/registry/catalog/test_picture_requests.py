"""Prompts with tags and names looked up, and settings that are checked all at once."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    ensure_artifact,
    find_artifact,
    find_version,
    set_alias,
)
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.picture_requests import (
    PictureRequest,
    Prompt,
    common_picture,
    read_prompt,
    shared_base,
)
from sdxl_reg.errors import Conflict, InvalidSettings, InvalidValue, NotFound, UnknownName
from sdxl_reg.jobs.pictures import AdapterUse
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import ArtifactKind, Chooser, Sampler, Schedule


def _add(engine: Engine, store: BlobStore, name: str, kind: ArtifactKind, **details: Any) -> None:
    """A version of another kind on the base."""
    with transaction(engine) as session:
        artifact = ensure_artifact(session, name, kind)
        new = NewVersion(
            files={f"{name}-000007.safetensors": store.put_bytes(name.encode())},
            base_version_id=find_base(session, store, "base").id,
            trainer=str(kind),
            details=details,
        )
        add_version(session, artifact, new)


@pytest.fixture
def stocked(sqlite: Engine, store: BlobStore) -> Engine:
    """x-lora@1 and @2, a hypernetwork, and two embeddings, the word of one of them its own."""
    _add(sqlite, store, "h", ArtifactKind.HYPERNETWORK)
    _add(sqlite, store, "spot", ArtifactKind.EMBEDDING, trigger_words=["sks-spot"])
    _add(sqlite, store, "ugly-hands", ArtifactKind.EMBEDDING)
    with transaction(sqlite) as session:
        set_alias(
            session,
            find_version(session, "x-lora@1"),
            "best",
            strength=0.7,
            reason="",
            chosen_by=Chooser.PERSON,
        )
    return sqlite


def _read(engine: Engine, text: str) -> Prompt:
    with reading(engine) as session:
        return read_prompt(session, text)


def _lora(ref: str, strength: float = 1.0, text: float | None = None) -> AdapterUse:
    return AdapterUse(ref=ref, strength=strength, text_strength=text)


@pytest.mark.parametrize(
    ("text", "words", "uses"),
    [
        ("a mug", "a mug", []),
        ("a mug <lora:x-lora>", "a mug", [_lora("x-lora@2")]),
        ("a mug <lora:X-LoRA@1:0.5>, red", "a mug, red", [_lora("x-lora@1", 0.5)]),
        ("<lora:x-lora@best:0.5>a mug", "a mug", [_lora("x-lora@1", 0.5)]),
        ("a <lora:x-lora@1:0.2:0.9>", "a", [_lora("x-lora@1", 0.9, 0.2)]),
        ("a <lora:x-lora@1:te=0.2:unet=0.9>", "a", [_lora("x-lora@1", 0.9, 0.2)]),
        ("a <lora:x-lora-000001:0.5>", "a", [_lora("x-lora@1", 0.5)]),
        ("a <hypernet:h:0.5>", "a", [_lora("h@1", 0.5)]),
        ("a <hypernet:h-000007:0.5>", "a", [_lora("h@1", 0.5)]),
        (
            "<lora:x-lora@1:1> a <lora:x-lora@2:-1>",
            "a",
            [_lora("x-lora@1"), _lora("x-lora@2", -1)],
        ),
        ("a spot", "a sks-spot", [_lora("spot@1")]),
        ("Spot, spots, spotless", "sks-spot, spots, spotless", [_lora("spot@1")]),
        ("a spot, a (spot:1.2)", "a sks-spot, a (sks-spot:1.2)", [_lora("spot@1")]),
        ("embedding:spot, spot@1", "sks-spot, sks-spot", [_lora("spot@1")]),
        ("ugly-hands", "ugly-hands-000007", [_lora("ugly-hands@1")]),
        ("ugly hands, my-spot", "ugly hands, my-spot", []),
        ("spot <lora:x-lora@1:1>", "sks-spot", [_lora("x-lora@1"), _lora("spot@1")]),
    ],
)
def test_a_prompt_is_read_with_what_it_calls_up(
    stocked: Engine, text: str, words: str, uses: list[AdapterUse]
) -> None:
    assert _read(stocked, text) == Prompt(text=words, adapters=tuple(uses))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("<lora:x-lorra:1>", NotFound, "'x-lora'"),
        ("<lora:x-lora@9:1>", NotFound, "x-lora@9"),
        ("<lora:h:1>", NotFound, "lora"),
        ("<hypernet:x-lora:1>", NotFound, "hypernetwork"),
        ("<lora:x-lora:a>", InvalidValue, "<lora:x-lora:a>"),
        ("<lora::1>", InvalidValue, "<lora::1>"),
        ("<lora:x-lora:1:1:1>", InvalidValue, "text encoders, U-Net"),
        ("<hypernet:h:1:1>", InvalidValue, "<hypernet:h:1:1>"),
        ("a spot@9", NotFound, "spot@9"),
    ],
)
def test_a_name_that_is_not_recorded_or_a_malformed_tag_is_told(
    stocked: Engine, text: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        _read(stocked, text)


def test_the_compared_embedding_is_a_word_like_any_other(stocked: Engine) -> None:
    with reading(stocked) as session:
        found = read_prompt(session, "a spot", besides=find_artifact(session, "spot"))
    assert found == Prompt(text="a spot")


def _common(engine: Engine, store: BlobStore, **asked: Any) -> Any:
    with transaction(engine) as session:
        request = PictureRequest(**asked)
        base = shared_base(session, store, request, ["x-lora@1"])
        return common_picture(session, store, request, base)


def test_what_is_left_open_is_the_bases_own(sqlite: Engine, store: BlobStore) -> None:
    picture = _common(sqlite, store).picture
    assert (picture.base, picture.width, picture.height) == ("base@1", 64, 64)
    assert picture.said() == {"base": "base@1", "width": 64, "height": 64}


def test_files_are_taken_into_the_store_and_named_by_their_bytes(
    sqlite: Engine, store: BlobStore, tmp_path: Path
) -> None:
    start, mask, vae = (tmp_path / name for name in ("start.png", "mask.png", "v.safetensors"))
    Image.new("RGB", (64, 64)).save(start)
    Image.new("L", (64, 64)).save(mask)
    vae.write_bytes(b"vae")
    common = _common(sqlite, store, init_image=str(start), mask=str(mask), vae=vae)
    picture = common.picture
    assert store.read(picture.init_image) == start.read_bytes()
    assert store.read(picture.vae) == b"vae"
    assert common.names == {
        picture.init_image: "start.png",
        picture.mask: "mask.png",
        picture.vae: "v.safetensors",
    }
    again = _common(sqlite, store, init_image=picture.init_image, mask=picture.mask[:12])
    assert (again.picture.init_image, again.picture.mask) == (picture.init_image, picture.mask)


def test_a_sampler_may_bring_its_schedule(sqlite: Engine, store: BlobStore) -> None:
    picture = _common(sqlite, store, settings={"sampler": "DPM++ 2M Karras"}).picture
    assert (picture.sampler, picture.schedule) == (Sampler.DPMPP_2M, Schedule.KARRAS)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (
            {"settings": {"width": 65, "height": 4096, "num_inference_steps": 0, "switch_at": 2}},
            InvalidSettings,
            r"(?s)(?=.*width)(?=.*height)(?=.*num_inference_steps)(?=.*switch_at)",
        ),
        ({"settings": {"nonsense": 1}}, InvalidSettings, "nonsense"),
        ({"settings": {"sampler": "Eulr"}}, UnknownName, "'Euler'"),
        ({"init_image": "nowhere.png"}, NotFound, "nowhere.png"),
        ({"init_image": "0123456789abcdef"}, NotFound, "0123456789abcdef"),
        ({"vae": Path("nowhere.safetensors")}, NotFound, "nowhere"),
        ({"refiner": "nowhere"}, NotFound, "nowhere"),
        ({"base": "nowhere"}, NotFound, "nowhere"),
    ],
)
def test_settings_that_cannot_be_are_told_all_at_once(
    sqlite: Engine, store: BlobStore, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        _common(sqlite, store, **asked)


def test_a_mask_alone_and_a_file_that_is_no_picture_are_refused(
    sqlite: Engine, store: BlobStore, tmp_path: Path
) -> None:
    Image.new("L", (64, 64)).save(tmp_path / "mask.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InvalidSettings, match="wants a picture to start from"):
        _common(sqlite, store, mask=str(tmp_path / "mask.png"))
    with pytest.raises(InvalidValue, match=r"text\.png"):
        _common(sqlite, store, init_image=str(tmp_path / "text.png"))


def test_versions_of_two_bases_want_a_base_said(sqlite: Engine, store: BlobStore) -> None:
    with transaction(sqlite) as session:
        files = {"y.safetensors": store.put_bytes(b"y")}
        artifact = ensure_artifact(session, "y", ArtifactKind.LORA)
        add_version(session, artifact, NewVersion(files=files, trainer="lora"))
        with pytest.raises(Conflict, match="--base"):
            shared_base(session, store, PictureRequest(), ["x-lora@1", "y@1"])
        said = shared_base(session, store, PictureRequest(base="base"), ["x-lora@1", "y@1"])
        assert said.artifact.name == "base"
