"""The A1111 text in pictures: golden texts, round trips, damage."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.formats.png_parameters import (
    GenerationParameters,
    parameters_text,
    parse_parameters,
    read_png,
    write_png,
)

GOLDEN = """\
qzy, flawed, spot <lora:weipin-lora:0.5>
Negative prompt: text, watermark
Steps: 20, Sampler: Euler, Schedule type: Automatic, CFG scale: 5, Seed: 1234, Size: 96x96, \
Model hash: 0a1b2c3d4e, Model: micro, Lora hashes: "weipin-lora: 0123456789ab", \
Version: sdxl-reg 0.1.0, Hashes: {"model": "0a1b2c3d4e", "lora:weipin-lora": "ba98765432"}"""

PARAMETERS = GenerationParameters(
    prompt="qzy, flawed, spot <lora:weipin-lora:0.5>",
    negative_prompt="text, watermark",
    settings={
        "Steps": "20",
        "Sampler": "Euler",
        "Schedule type": "Automatic",
        "CFG scale": "5",
        "Seed": "1234",
        "Size": "96x96",
        "Model hash": "0a1b2c3d4e",
        "Model": "micro",
        "Lora hashes": "weipin-lora: 0123456789ab",
        "Version": "sdxl-reg 0.1.0",
    },
    hashes={"model": "0a1b2c3d4e", "lora:weipin-lora": "ba98765432"},
)

# As AUTOMATIC1111 1.10 wrote it: other keys, quoted values, a prompt of two lines.
FOREIGN = """\
a shirt on black,
studio light
Negative prompt: blurry
low quality
Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 7, Size: 1024x1024, \
Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Clip skip: 2, Lora hashes: "one: 0a, two: 0b", \
Version: v1.10.1"""

_keys = st.from_regex(r"[A-Z][A-Za-z]{2,12}( [a-z]{2,8})?", fullmatch=True).filter(
    lambda key: key not in ("Hashes", "Negative prompt")
)
_values = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" ,:{}\\"), max_size=30
).map(str.strip)
_lines = st.from_regex(r"[a-z<][a-z0-9 ,.<>()]{0,40}", fullmatch=True).map(str.strip)
_prompts = st.lists(_lines.filter(bool), max_size=3).map("\n".join)


def test_the_text_is_as_a1111_writes_it() -> None:
    assert parameters_text(PARAMETERS) == GOLDEN


def test_the_text_is_read_back() -> None:
    assert parse_parameters(GOLDEN) == PARAMETERS


def test_a_text_of_a1111_is_read() -> None:
    found = parse_parameters(FOREIGN)
    assert found.prompt == "a shirt on black,\nstudio light"
    assert found.negative_prompt == "blurry\nlow quality"
    assert found.settings["Lora hashes"] == "one: 0a, two: 0b"
    assert found.settings["CFG scale"] == "6.5"
    assert found.hashes == {}


def test_civitai_finds_the_adapter_in_the_prompt() -> None:
    tags = re.findall(r"<(lora|hypernet):([a-zA-Z0-9_.\-]+):([0-9.]+)>", GOLDEN)
    assert tags == [("lora", "weipin-lora", "0.5")]


def test_a_text_without_settings_is_all_prompt() -> None:
    assert parse_parameters("a mug, size: big") == GenerationParameters(prompt="a mug, size: big")


def test_a_text_that_is_empty_says_nothing() -> None:
    assert parse_parameters("") == GenerationParameters(prompt="")


@given(
    prompt=_prompts,
    negative=_prompts,
    settings=st.dictionaries(_keys, _values.filter(bool), min_size=3, max_size=8),
    hashes=st.dictionaries(_keys, st.from_regex(r"[0-9a-f]{10}", fullmatch=True), max_size=3),
)
def test_whatever_is_written_is_read_back(
    prompt: str, negative: str, settings: dict[str, str], hashes: dict[str, str]
) -> None:
    written = GenerationParameters(
        prompt=prompt, negative_prompt=negative, settings=settings, hashes=hashes
    )
    assert parse_parameters(parameters_text(written)) == written


@given(st.text())
def test_any_text_at_all_can_be_read(text: str) -> None:
    parse_parameters(text)


@pytest.mark.parametrize("prompt", ["a mug", "ein Becher, weiß", "一个杯子"])
def test_a_picture_says_how_it_was_made(tmp_path: Path, prompt: str) -> None:
    parameters = GenerationParameters(prompt=prompt, settings=PARAMETERS.settings)
    path = tmp_path / "cell.png"
    write_png(
        Image.new("RGB", (8, 8), "red"), path, parameters=parameters, details={"strength": 0.5}
    )
    assert read_png(path) == (parameters, {"strength": 0.5})
    assert [found.name for found in tmp_path.iterdir()] == ["cell.png"]


def test_a_picture_without_text_says_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    assert read_png(tmp_path / "plain.png") == (GenerationParameters(prompt=""), {})


def test_a_file_that_is_no_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    with pytest.raises(Corrupt, match="not a readable PNG"):
        read_png(tmp_path / "cut.png")
    with pytest.raises(NotFound):
        read_png(tmp_path / "none.png")
