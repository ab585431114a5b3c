import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdxl_reg.diffusion.conditioning import encode_prompts, size_ids
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import Corrupt, NotFound

PROMPTS = ["a red mug", "a blue shoe " * 100]


def test_the_vae_stays_in_float32(tiny_base: Path) -> None:
    pipeline = load_pipeline(tiny_base, dtype=torch.bfloat16)
    assert pipeline.vae.dtype == torch.float32
    assert pipeline.unet.dtype == torch.bfloat16
    assert not any(parameter.requires_grad for parameter in pipeline.unet.parameters())


def test_a_base_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_pipeline(tmp_path / "none")


def test_a_weight_that_is_missing_is_named(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    path = next((base / "text_encoder").glob("*.safetensors"))
    weights = load_file(path)
    missing = next(name for name in weights if name.endswith("mlp.fc1.weight"))
    del weights[missing]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(Corrupt, match="fc1"):
        load_pipeline(base)


def test_a_folder_of_half_precision_files_only_is_read(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    for path in base.rglob("*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    assert load_pipeline(base).unet.dtype == torch.float32


def test_loading_says_nothing_and_needs_no_network(tiny_base: Path) -> None:
    code = (
        "import sys, socket; socket.socket.connect = None\n"
        "from pathlib import Path; from sdxl_reg.diffusion.pipeline import load_pipeline\n"
        "load_pipeline(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_base)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_prompts_are_encoded_as_the_pipeline_does(tiny_base: Path) -> None:
    pipeline = load_pipeline(tiny_base)
    with torch.no_grad():
        ours = encode_prompts(pipeline, PROMPTS)
        context, _, pooled, _ = pipeline.encode_prompt(
            PROMPTS, device=torch.device("cpu"), do_classifier_free_guidance=False
        )
    assert torch.equal(ours.context, context)
    assert torch.equal(ours.pooled, pooled)
    assert torch.equal(ours.rows([1, 1]).pooled[1], pooled[1])


def test_sizes_stand_in_sdxls_order(tiny_base: Path) -> None:
    pipeline = load_pipeline(tiny_base)
    theirs = pipeline._get_add_time_ids((1, 2), (3, 4), (5, 6), torch.float32, 16)
    assert size_ids((1, 2), (3, 4), (5, 6)) == tuple(theirs[0].tolist())
