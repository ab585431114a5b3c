"""BLIP, BLIP-2 and Florence-2 from folders, through the code that loads the real ones."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, BlipForConditionalGeneration

from sdxl_reg.captioners.discovery import (
    all_captioners,
    captioner_names,
    find_captioner,
    require_packages,
)
from sdxl_reg.captioners.interface import parsed_settings
from sdxl_reg.captioners.vision_language import VisionLanguage, blip, blip2, florence2
from sdxl_reg.captioners.weights import folder_of_weights, identity_of_weights
from sdxl_reg.errors import Corrupt, InvalidSettings, InvalidValue, NotFound, UsageError
from tests.registry.captioners.tiny_captioners import (
    WORDS,
    write_blip,
    write_blip2,
    write_florence2,
)
from tests.registry.captioners.tiny_tagger import write_tagger

CASES: dict[str, tuple[VisionLanguage, Callable[[Path], Path], str]] = {
    "blip": (blip, write_blip, "a photo of"),
    "blip2": (blip2, write_blip2, "a photo of"),
    "florence2": (florence2, write_florence2, "<CAPTION>"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("captioners")
    return {name: write(root / name) for name, (_, write, _) in CASES.items()}


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    generator = np.random.default_rng(1)
    shapes = ((40, 60, 3), (70, 30, 3), (32, 32, 3))
    return [Image.fromarray(generator.integers(0, 256, s, dtype=np.uint8)) for s in shapes]


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_captioned_as_its_pictures_alone_are(
    folders: dict[str, Path], pictures: list[Image.Image], name: str
) -> None:
    captioner, _, prompt = CASES[name]
    settings = captioner.settings(prompt=prompt, max_tokens=8)
    writer = captioner.open(folders[name], settings, "cpu")
    together = writer.captions(pictures)
    assert together == [writer.captions([picture])[0] for picture in pictures]
    assert together == captioner.open(folders[name], settings, "auto").captions(pictures)
    assert not any(text.startswith("a photo of") for text in together)


def test_blip_says_what_transformers_says(
    folders: dict[str, Path], pictures: list[Image.Image]
) -> None:
    settings = blip.settings(prompt="a photo of", max_tokens=8, num_beams=1)
    found = blip.open(folders["blip"], settings, "cpu").captions(pictures)
    model = BlipForConditionalGeneration.from_pretrained(folders["blip"]).eval()
    processor = AutoProcessor.from_pretrained(folders["blip"])
    inputs = processor(images=pictures, text=["a photo of"] * 3, return_tensors="pt")
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=8, num_beams=1, do_sample=False)
    said = processor.batch_decode(ids, skip_special_tokens=True)
    assert all(text.startswith("a photo of") for text in said)
    assert found == [text.removeprefix("a photo of").strip() for text in said]
    assert {word for text in found for word in text.split()} <= set(WORDS)


def test_another_model_in_the_folder_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(Corrupt, match=r"'blip', not 'blip-2'.*Salesforce/blip2"):
        blip2.open(folders["blip"], blip2.settings(), "cpu")


def test_a_model_is_never_random_where_weights_are_missing(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(folders["blip"], tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.startswith("vision_model"))
    weights.pop(name)
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(Corrupt, match="lacks 1 of the weights"):
        blip.open(broken, blip.settings(), "cpu")
    (broken / "model.safetensors").write_bytes(b"{}")
    with pytest.raises(Corrupt, match="its weights cannot be read"):
        blip.open(broken, blip.settings(), "cpu")


def test_a_device_that_is_not_there_is_told(folders: dict[str, Path]) -> None:
    with pytest.raises(InvalidValue, match="no such device here"):
        blip.open(folders["blip"], blip.settings(), "cuda:63")


def test_weights_are_found_in_folders_and_named_by_their_bytes(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    assert folder_of_weights(blip, str(folders["blip"])) == folders["blip"]
    copy = Path(shutil.copytree(folders["blip"], tmp_path / "copy"))
    assert identity_of_weights(copy) == identity_of_weights(folders["blip"])
    assert len({identity_of_weights(folder) for folder in folders.values()}) == 3
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(Corrupt, match=r"no preprocessor_config\.json, which blip needs"):
        folder_of_weights(blip, str(copy))


def test_weights_that_are_not_here_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotFound, match="hf download nobody/nothing-at-all"):
        folder_of_weights(blip, "nobody/nothing-at-all")
    with pytest.raises(NotFound, match=r"folder with config\.json"):
        folder_of_weights(blip, str(tmp_path / "nowhere"))


def test_settings_are_checked_all_at_once() -> None:
    with pytest.raises(InvalidSettings, match=r"max_tokens: (?s:.*)num_bems: .*'num_beams'"):
        parsed_settings(blip, {"max_tokens": "0", "num_bems": 3})
    with pytest.raises(InvalidSettings, match="prompt"):
        parsed_settings(florence2, {"prompt": "a photo of"})
    found: Any = parsed_settings(blip, {"max_tokens": "7"})
    assert found.max_tokens == 7


def test_captioners_are_found_by_their_entry_points() -> None:
    assert captioner_names() == ["blip", "blip2", "florence2", "wd14"]
    working, broken = all_captioners()
    assert [captioner.name for captioner in working] == captioner_names()
    assert broken == []


def test_listing_them_imports_neither_torch_nor_onnxruntime() -> None:
    program = (
        "import sys\n"
        "from sdxl_reg.captioners.discovery import all_captioners, missing_packages\n"
        "print([missing_packages(each) for each in all_captioners()[0]])\n"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert {"torch", "transformers", "onnxruntime"}.isdisjoint(done.stdout.split())


def test_a_package_that_is_not_installed_is_told() -> None:
    lacking = VisionLanguage(
        name="x", summary="", weights="", model_type="", model_class="", packages=("nowhere_to",)
    )
    with pytest.raises(UsageError, match=r"needs nowhere_to.*sdxl-reg\[train\]"):
        require_packages(lacking)


def test_every_captioner_describes_its_settings() -> None:
    for name in captioner_names():
        schema = find_captioner(name).settings.model_json_schema()
        assert all(facts.get("description") for facts in schema["properties"].values())
        assert json.dumps(schema)


def test_a_tagger_folder_is_no_folder_of_sentences(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "tagger", [("a", 0)])
    with pytest.raises(Corrupt, match=r"no config\.json"):
        folder_of_weights(blip, str(folder))
