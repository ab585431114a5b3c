"""The built-in base's files, and the tokenizers made from one list of merges."""

import subprocess
import sys
from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from sdxl_reg.diffusion.micro import (
    PADS,
    micro_base_files,
    tokenizer_files,
    vocabulary,
    write_files,
)
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.formats.checkpoint import native_resolution
from sdxl_reg.formats.clip_tokens import byte_characters

MERGES = b"#version: 0.2\nr e\nre d</w>\nm u\nmu g</w>\n"


@pytest.fixture(params=sorted(PADS))
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> CLIPTokenizer:
    write_files(tokenizer_files(MERGES, PADS[request.param]), tmp_path)
    return CLIPTokenizer.from_pretrained(tmp_path)


def test_the_vocabulary_has_clips_order() -> None:
    tokens = vocabulary([("r", "e")])
    assert tokens["!"] == 0
    assert tokens["!</w>"] == 256
    assert (tokens["re"], tokens["<|startoftext|>"], tokens["<|endoftext|>"]) == (512, 513, 514)
    assert len(set(byte_characters())) == 256


def test_words_become_their_merges_between_start_and_end(tokenizer: CLIPTokenizer) -> None:
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("A RED mug").input_ids)
    assert tokens == ["<|startoftext|>", "a</w>", "red</w>", "mug</w>", "<|endoftext|>"]


def test_padding_is_sdxls(tokenizer: CLIPTokenizer, request: pytest.FixtureRequest) -> None:
    ids = tokenizer("red", padding="max_length", truncation=True).input_ids
    assert len(ids) == 77
    assert ids[-1] == tokenizer.convert_tokens_to_ids(tokenizer.pad_token)
    assert tokenizer.pad_token in PADS.values()


def test_any_text_can_be_written_and_read_back(tokenizer: CLIPTokenizer) -> None:
    text = "größe 4 2 ☃ 東京 ?"  # digits stand alone in CLIP
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(micro_base_files(), tmp_path_factory.mktemp("micro"))


def test_the_built_in_base_is_a_complete_sdxl(shipped: Path) -> None:
    pipeline = load_pipeline(shipped)
    assert len(pipeline.tokenizer) == len(pipeline.tokenizer_2) == 49408
    assert pipeline.vae.config.scaling_factor == 0.13025
    assert len(pipeline.unet.config.block_out_channels) == 3
    assert native_resolution(shipped) % 32 == 0


def test_the_built_in_base_is_small_and_its_files_come_in_order() -> None:
    found = micro_base_files()
    weights = [data for name, data in found.items() if name.endswith(".safetensors")]
    assert sum(map(len, weights)) <= 24_000_000
    assert list(found) == sorted(found)


def test_importing_it_does_not_import_torch() -> None:
    check = "import sys, sdxl_reg.diffusion.micro; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
