"""The files that a program of sd-scripts reads: base, tokenizers, pictures with their captions."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdxl_reg.diffusion.full_size import full_size_config_files
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.kohya.folder import caption_line
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.safetensors_copy import copy_with_header
from sdxl_reg.imaging.decode import upright
from sdxl_reg.imaging.portable import portable
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.trainers.interface import BaseModel, Report, TrainingImage, TrainingJob
from sdxl_reg.training.decoding import decoded_picture
from sdxl_reg.vocabulary import BaseFormat
from sdxl_reg_kohya.config import SdScriptsConfig

TOKENIZERS = {
    "tokenizer": "openai_clip-vit-large-patch14",
    "tokenizer_2": "laion_CLIP-ViT-bigG-14-laion2B-39B-b160k",
}
"""Folder of a base → what sd-scripts calls it in its `--tokenizer_cache_dir`."""
TOKENIZER_FILES = (
    *("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"),
)
PREFIX = "text_model."


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where things lie, all in one folder that is made anew for every attempt.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def tokenizers(self) -> Path:
        """For `--tokenizer_cache_dir`."""
        return self.root / "tokenizers"

    @property
    def pictures(self) -> Path:
        """One folder for each number of repeats in it."""
        return self.root / "pictures"

    @property
    def output(self) -> Path:
        """Where the program writes to."""
        return self.root / "output"

    @property
    def log(self) -> Path:
        """What the program says."""
        return self.root / "sd-scripts.log"


@dataclass(frozen=True, kw_only=True)
class PictureFolder:
    """Pictures that are shown equally often.

    Attributes:
        path: The folder.
        repeats: Showings of each picture an epoch.
        count: Pictures in it.
        is_class: Whether they are pictures of the class at large.
    """

    path: Path
    repeats: int
    count: int
    is_class: bool


def made_workspace(folder: Path) -> Workspace:
    """An empty workspace; what an earlier attempt left is removed, but for what it said."""
    workspace = Workspace(root=folder / "sd-scripts")
    for path in (workspace.tokenizers, workspace.pictures, workspace.output):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    return workspace


def laid_out_base(base: BaseModel, workspace: Workspace) -> Path:
    """The base as sd-scripts takes it.

    Single files are found by their suffix, even through one link; the text encoder of a folder
    that transformers 5 wrote lacks a prefix that transformers 4 needs: without it, the weights
    would be made up at random, and the program would only warn.

    Args:
        base: The base of the job.
        workspace: Receives links, and such a text encoder with its prefix.

    Returns:
        A file or a diffusers folder.
    """
    if base.format == BaseFormat.SINGLE_FILE:
        link = workspace.root / "base.safetensors"
        link.unlink(missing_ok=True)
        link.symlink_to(base.path)  # sd-scripts follows one link, and looks at the suffix there
        return link
    files = sorted((base.path / "text_encoder").glob("*.safetensors"))
    if all(name.startswith(PREFIX) for file in files for name in read_header(file).tensors):
        return base.path
    folder = workspace.root / "base"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "text_encoder").mkdir(parents=True)
    for part in base.path.iterdir():
        if part.name != "text_encoder":
            (folder / part.name).symlink_to(part)
    for file in (base.path / "text_encoder").iterdir():
        target = folder / "text_encoder" / file.name
        if file in files:
            metadata = dict(read_header(file).metadata)
            copy_with_header(file, target, metadata=metadata, rename=_prefixed)
        else:
            target.symlink_to(file)
    return folder


def write_tokenizers(base: BaseModel, workspace: Workspace) -> Path:
    """The tokenizers of the base under the names by which sd-scripts looks for them.

    Args:
        base: Its own tokenizers are taken where it has the files that transformers 4 reads.
        workspace: Receives them.

    Returns:
        The folder, for `--tokenizer_cache_dir`.
    """
    source = base.config_path or base.path
    shipped = full_size_config_files()
    for part, name in TOKENIZERS.items():
        folder = workspace.tokenizers / name
        folder.mkdir(parents=True)
        own = source / part
        is_complete = all((own / file).is_file() for file in TOKENIZER_FILES)
        for file in TOKENIZER_FILES:
            data = (own / file).read_bytes() if is_complete else shipped[f"{part}/{file}"]
            (folder / file).write_bytes(data)
    return workspace.tokenizers


def write_pictures(
    job: TrainingJob,
    config: SdScriptsConfig,
    workspace: Workspace,
    caption: Callable[[str], str],
    report: Report,
) -> list[PictureFolder]:
    """The pictures of a job with their captions, in folders by repeats.

    Pictures are links to their bytes, unless the program would see them turned, in other colours,
    uncut, or with what lies under their transparency: those are written anew.

    Args:
        job: Names the pictures.
        config: Says what is done about transparency and unreadable files.
        workspace: Receives them.
        caption: What is said of a picture, made of its caption.
        report: Hears of progress and of pictures that are left out.

    Raises:
        Corrupt: A picture cannot be read, and none shall be left out.
    """
    groups: dict[tuple[bool, int], list[TrainingImage]] = defaultdict(list)
    for is_class, images in ((False, job.images), (True, job.class_images)):
        for image in images:
            groups[is_class, image.repeats].append(image)
    total, done = len(job.images) + len(job.class_images), 0
    folders = []
    for (is_class, repeats), images in groups.items():
        folder = workspace.pictures / f"{repeats}_{'class' if is_class else 'pictures'}"
        folder.mkdir()
        written = 0
        for number, image in enumerate(images):
            done += 1
            written += _write(image, folder, number, config, caption, report)
            report.progress(done, total, "lay out pictures")
        folders.append(
            PictureFolder(path=folder, repeats=repeats, count=written, is_class=is_class)
        )
    return [folder for folder in folders if folder.count]


def _write(
    image: TrainingImage,
    folder: Path,
    number: int,
    config: SdScriptsConfig,
    caption: Callable[[str], str],
    report: Report,
) -> bool:
    """Write one picture with its caption; False where it is left out."""
    stem = folder / f"{number:06d}-{image.sha256[:8]}"
    try:
        _lay_out(image, stem, config)
    except Unreadable as error:
        if not config.skip_bad:
            raise Corrupt(image.title, error.message, remedy="Leave it out: skip_bad") from error
        report.message(f"left out {image.title}: {error.message}")
        return False
    text = caption_line(caption(image.caption), default="a picture")
    stem.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    return True


def _lay_out(image: TrainingImage, stem: Path, config: SdScriptsConfig) -> None:
    """Link a picture, or write it anew, cut to its crop; what counts of it is then its alpha."""
    data = image.path.read_bytes()
    if image.crop or image.mask_path is not None or upright(data).mode == "RGBA":
        written, counts = decoded_picture(image, config)
        if counts is not None:
            written.putalpha(counts)
        written.info.clear()
        written.save(stem.with_suffix(".png"), "PNG")
        return
    picture = portable(data)
    target = stem.with_suffix(picture.suffix)
    if picture.is_original:
        target.symlink_to(image.path)
    else:
        target.write_bytes(picture.data)


def _prefixed(name: str) -> str:
    return name if name.startswith(PREFIX) else PREFIX + name


def shown(folders: Sequence[PictureFolder]) -> int:
    """Pictures of an epoch, repeats counted, without those of the class."""
    return sum(folder.repeats * folder.count for folder in folders if not folder.is_class)
