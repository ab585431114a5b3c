"""What fails is told with its reason and the rest is drawn; a full disk keeps what was finished."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.evaluation import render
from sdxl_reg.evaluation.render import draw_missing
from sdxl_reg.formats.png_parameters import write_png
from tests.registry.evaluation.jobs import (
    BASE,
    BLUE,
    RED,
    Heard,
    base_spec,
    job,
    loras,
    picture,
    sha256,
    use,
    version,
)


def _drawn(spec: Any, folder: Path) -> Heard:
    heard = Heard()
    paths = draw_missing(spec, folder, heard)
    assert paths == heard.cells
    assert heard.stages[-1] == (len(spec.cells), len(spec.cells), "drawing")
    assert heard.cells.keys() | heard.failed.keys() == {cell.key for cell in spec.cells}
    return heard


def _failed_refs(spec: Any, heard: Heard) -> dict[str, str]:
    asked = {cell.key: cell.picture for cell in spec.cells}
    return {asked[key].adapters[-1].ref: reason for key, reason in heard.failed.items()}


@pytest.mark.parametrize("damage", ["cut", "nonsense", "gone"])
def test_a_corrupt_file_fails_its_own_pictures_and_no_others(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path], damage: str
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(tiny_loras[0].read_bytes()[:-1000] if damage == "cut" else b"nonsense")
    known = loras(tiny_loras) | {"bad@1": version("bad@1", bad)}
    if damage == "gone":
        bad.unlink()
    pictures = [picture(RED, use(ref, value)) for ref in known for value in (0.0, 0.5, 1.0)]
    spec = job(tiny_base, known, pictures)
    heard = _drawn(spec, tmp_path / "files")
    assert len(heard.cells) == 1 + 2 * 2
    assert _failed_refs(spec, heard).keys() == {"bad@1"}
    assert len(heard.failed) == 2
    assert all("bad.safetensors" in reason for reason in heard.failed.values())


def test_a_version_for_another_base_fails_with_what_to_do(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    other = tmp_path / "other.safetensors"
    name = "lora_unet_output_blocks_99_0_out_layers_3"
    save_weights(other, {f"{name}.lora_down.weight": torch.zeros(1, 9)}, {})
    known = {**loras(tiny_loras[:1]), "other@1": version("other@1", other)}
    spec = job(tiny_base, known, [picture(RED, use(ref)) for ref in known])
    heard = _drawn(spec, tmp_path / "files")
    (reason,) = _failed_refs(spec, heard).values()
    assert "keys" in reason
    assert len(heard.cells) == 1


def test_a_picture_that_is_not_finite_fails_alone(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    tensors = {name: weight * 1e30 for name, weight in load_file(tiny_loras[0]).items()}
    save_file(tensors, tmp_path / "strong.safetensors")
    known = loras([tiny_loras[1], tmp_path / "strong.safetensors"])
    spec = job(tiny_base, known, [picture(RED, use(ref)) for ref in known] + [picture(BLUE)])
    heard = _drawn(spec, tmp_path / "files")
    assert {ref: "not finite" in why for ref, why in _failed_refs(spec, heard).items()} == {
        "x-lora@2": True
    }
    assert len(heard.cells) == 2


def test_a_setting_that_cannot_be_drawn_fails_its_own_pictures(
    tmp_path: Path, tiny_base: Path
) -> None:
    pictures = [picture(RED), picture(RED, clip_skip=12), picture("a (mug:1.2.3)")]
    spec = job(tiny_base, {}, pictures)
    heard = _drawn(spec, tmp_path / "files")
    reasons = [heard.failed.get(cell.key, "") for cell in spec.cells]
    assert "clip skip" in reasons[1]
    assert len(heard.cells) + len(heard.failed) == 3
    assert len(heard.cells) == 1, reasons


def test_a_checkpoint_that_cannot_be_loaded_fails_its_own_pictures(
    tmp_path: Path, tiny_base: Path
) -> None:
    (tmp_path / "empty").mkdir()
    bases = {BASE: base_spec(BASE, tiny_base), "gone@1": base_spec("gone@1", tmp_path / "empty")}
    pictures = [picture(RED), picture(RED, base="gone@1"), picture(RED, refiner="gone@1")]
    spec = job(tiny_base, {}, pictures, bases=bases)
    heard = _drawn(spec, tmp_path / "files")
    assert [cell.key in heard.cells for cell in spec.cells] == [True, False, False]
    assert all("empty" in reason for reason in heard.failed.values())


@pytest.mark.parametrize("damage", ["nonsense", "gone"])
def test_a_picture_to_start_from_that_cannot_be_read_fails_its_own_pictures(
    tmp_path: Path, tiny_base: Path, damage: str
) -> None:
    path = tmp_path / "start.png"
    Image.new("RGB", (64, 64)).save(path)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nonsense")
    images = {sha256(one): one for one in (path, bad)}
    pictures = [picture(RED, init_image=digest) for digest in images]
    spec = job(tiny_base, {}, pictures, images=images)
    if damage == "gone":
        bad.unlink()
    heard = _drawn(spec, tmp_path / "files")
    assert [cell.key in heard.cells for cell in spec.cells] == [True, False]


def test_what_failed_is_named_without_the_others_of_its_batch(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nonsense")
    known = {"a@1": version("a@1", bad), **loras(tiny_loras[:1])}
    spec = job(tiny_base, known, [picture(RED, use(ref)) for ref in known] + [picture(BLUE)])
    heard = _drawn(spec, tmp_path / "files")
    expected = _drawn(job(tiny_base, known, [picture(BLUE)]), tmp_path / "alone")
    key = next(iter(expected.cells))
    with Image.open(heard.cells[key]) as one, Image.open(expected.cells[key]) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("written", [0, 1, 3, 6])
def test_a_full_disk_ends_the_job_and_keeps_what_was_finished(
    tmp_path: Path,
    tiny_base: Path,
    tiny_loras: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    left = [written]

    def write(image: Image.Image, path: Path, **more: Any) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        left[0] -= 1
        write_png(image, path, **more)

    monkeypatch.setattr(render, "write_png", write)
    known = loras(tiny_loras)
    pictures = [picture(RED, use(ref, value)) for ref in known for value in (0.3, 0.5, 0.7, 1.0)]
    spec = job(tiny_base, known, pictures, batch_size=2)
    heard = Heard()
    with pytest.raises(OSError, match="No space left"):
        draw_missing(spec, tmp_path / "files", heard)
    assert len(heard.cells) == written
    assert heard.failed == {}
    assert sorted(path.stem for path in (tmp_path / "files").iterdir()) == sorted(heard.cells)

    monkeypatch.undo()
    rest = [cell.model_copy(update={"path": heard.cells.get(cell.key)}) for cell in spec.cells]
    again = Heard()
    paths = draw_missing(spec.model_copy(update={"cells": rest}), tmp_path / "files", again)
    assert len(again.cells) == 8 - written
    assert paths.keys() == {cell.key for cell in spec.cells}
