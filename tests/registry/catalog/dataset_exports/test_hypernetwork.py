"""The folder for A1111's training, read as A1111 reads it."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError
from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import entries_of, find_dataset_version
from sdxl_reg.store.database import transaction
from tests.registry.catalog.dataset_exports.conftest import Exporter


def read_as_a1111(folder: Path, template: str = "[filewords]") -> dict[str, str]:
    """Picture → prompt, as `PersonalizedBase` of stable-diffusion-webui 1.10.1 reads a folder."""
    found = {}
    for path in folder.iterdir():
        try:
            with Image.open(path) as image:
                image.convert("RGB")
        except (UnidentifiedImageError, OSError):
            continue
        text = path.with_suffix(".txt")
        words = text.read_text("utf-8") if text.exists() else path.stem
        found[path.name] = template.replace("[filewords]", ",".join(words.split(",")))
    return found


def test_a1111_reads_one_size_and_the_captions_as_its_filewords(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = export(
        frozen, out, "hypernetwork", resolution="64x48", caption_suffix=", black background"
    )
    assert report.folders == {".": 13}
    found = read_as_a1111(out, "a photo of [filewords]")
    assert len(found) == 13
    assert found["qzy_flawed_spot_01.jpg"] == "a photo of qzy, flawed, spot, black background"
    for name in found:
        with Image.open(out / name) as image:
            assert (image.size, image.mode) == ((64, 48), "RGB")


def test_names_say_the_tags_and_a_number_of_two_digits(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "hypernetwork", resolution="64")
    names = {path.stem for path in (tmp_path / "out").glob("qzy*.jpg")}
    assert names == {
        *("qzy_flawed_fold_01", "qzy_flawed_fold_02", "qzy_flawed_spot_01", "qzy_flawed_spot_02"),
        *("qzy_flawless_01", "qzy_flawless_02", "qzy_flawless_03"),
    }


def test_a_picture_without_a_caption_does_not_get_its_name_for_one(
    frozen: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        entries_of(session, find_dataset_version(session, frozen))[0].caption = ""
    report = export(frozen, tmp_path / "out", "hypernetwork", resolution="64")
    assert report.without_caption == ("lsbr_flawed_fold_01.jpg",)
    assert read_as_a1111(tmp_path / "out")["lsbr_flawed_fold_01.jpg"] == ""
