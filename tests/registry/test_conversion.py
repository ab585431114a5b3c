"""What the process of a conversion writes, and what it says when it cannot."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sdxl_reg import conversion
from sdxl_reg.diffusion.base_folder import FILES, read_base_folder
from sdxl_reg.diffusion.hypernetwork_files import load_hypernetwork, save_hypernetwork
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.single_file import Parts, read_single_file, weights_of
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, from_facts
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg.formats.hypernetwork_weights import tensor_name, weight_shapes
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import draw

FACTS = HypernetworkFacts(name="x", step=3)


def require_equal(found: Parts, expected: Parts) -> None:
    for part, weights in expected.items():
        assert found[part].keys() == weights.keys()
        assert all(torch.equal(found[part][name], tensor) for name, tensor in weights.items())


def converted(verb: str, source: Path, target: Path, *more: Path) -> Path:
    assert conversion.main([verb, *map(str, (source, target, *more))]) == 0
    return target


def test_a_base_becomes_one_file_and_a_folder_again(tiny_base: Path, tmp_path: Path) -> None:
    file = converted("checkpoint-to-file", tiny_base, tmp_path / "tiny.safetensors")
    folder = converted("checkpoint-to-folder", file, tmp_path / "tiny", tiny_base)

    expected = load_pipeline(tiny_base)
    require_equal(read_single_file(file), weights_of(expected))
    assert np.array_equal(draw(load_pipeline(folder)), draw(expected))
    assert sorted(tmp_path.iterdir()) == [folder, file]


def test_a_model_that_predicts_v_stays_one(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    converted("checkpoint-to-file", tiny_base, tmp_path / "plain.safetensors")
    converted("checkpoint-to-folder", tmp_path / "plain.safetensors", folder, tiny_base)
    scheduler = folder / "scheduler" / "scheduler_config.json"
    v = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    scheduler.write_text(json.dumps(json.loads(scheduler.read_bytes()) | v))

    file = converted("checkpoint-to-file", folder, tmp_path / "v.safetensors")
    assert {"v_pred", "ztsnr"} <= read_header(file).tensors.keys()
    again = converted("checkpoint-to-folder", file, tmp_path / "again", tiny_base)
    said = json.loads((again / "scheduler" / "scheduler_config.json").read_bytes())
    assert said.items() >= v.items()


def test_of_several_number_formats_the_plain_one_is_taken(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    converted("checkpoint-to-file", tiny_base, tmp_path / "x.safetensors")
    converted("checkpoint-to-folder", tmp_path / "x.safetensors", folder, tiny_base)
    expected = read_base_folder(folder)
    vae = folder / "vae" / FILES["vae"]
    half = {name: tensor.half() for name, tensor in expected["vae"].items()}
    save_weights(vae.with_suffix(".fp16.safetensors"), half, {"format": "pt"})
    require_equal(read_base_folder(folder), expected)

    vae.unlink()
    assert read_base_folder(folder)["vae"].keys() == half.keys()
    save_weights(vae.with_name("more.fp16.safetensors"), dict([*half.items()][:1]), {})
    with pytest.raises(Corrupt, match="another file"):
        read_base_folder(folder)


@pytest.fixture
def hypernetwork(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    shapes = weight_shapes(FACTS, 16).items()
    weights = {
        tensor_name(16, net, name): torch.randn(shape, generator=torch.Generator().manual_seed(0))
        for net in "kv"
        for name, shape in shapes
    }
    save_hypernetwork(path, weights, FACTS, metadata={})
    return path


def test_a_hypernetwork_goes_out_and_comes_back(hypernetwork: Path, tmp_path: Path) -> None:
    pt = converted("hypernetwork-to-pt", hypernetwork, tmp_path / "x.pt")
    back = converted("hypernetwork-from-pt", pt, tmp_path / "back.safetensors")
    assert back.read_bytes() == hypernetwork.read_bytes()
    assert load_hypernetwork(back)[1] == replace(FACTS, step=3)


def test_an_error_is_told_on_stdout_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.pt").write_bytes(b"<html>")
    arguments = ["hypernetwork-from-pt", str(tmp_path / "x.pt"), str(tmp_path / "y.safetensors")]
    assert conversion.main(arguments) == 5
    error = from_facts(json.loads(capsys.readouterr().out))
    assert isinstance(error, Corrupt)
    assert "x.pt" in error.path
    assert list(tmp_path.iterdir()) == [tmp_path / "x.pt"]


def test_nothing_is_overwritten(hypernetwork: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = hypernetwork.read_bytes()
    assert conversion.main(["hypernetwork-to-pt", *[str(hypernetwork)] * 2]) == 4
    assert "is there already" in capsys.readouterr().out
    assert hypernetwork.read_bytes() == before


def test_a_full_disk_is_told_as_one(
    hypernetwork: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.pt")

    monkeypatch.setattr(Path, "replace", full)
    arguments = ["hypernetwork-to-pt", str(hypernetwork), str(hypernetwork.with_suffix(".pt"))]
    assert conversion.main(arguments) == 6
    assert "out-of-space" in capsys.readouterr().out
    assert list(hypernetwork.parent.iterdir()) == [hypernetwork]
