"""Training an embedding of SDXL, from a job to files.

Source: Gal et al. 2022, arXiv:2208.01618; for SDXL's two text encoders as in sd-scripts'
`sdxl_train_textual_inversion.py`.
"""

from pathlib import Path

from sdxl_reg.diffusion.conditioning import token_ids
from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.training.base import Base, loaded_base, settings_of
from sdxl_reg.training.loop import fit
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_embedding.config import EmbeddingConfig
from sdxl_reg_embedding.files import load_embedding
from sdxl_reg_embedding.speaking import ENCODERS, speaking
from sdxl_reg_embedding.templates import filled
from sdxl_reg_embedding.tokens import Word
from sdxl_reg_embedding.trainee import EmbeddingTrainee


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train the vectors of a word and save a file for each epoch, or as the settings say.

    Args:
        job: What to train, on what; its `config` is an `EmbeddingConfig`, its `output_name` the
            word.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL, the settings do not fit it, or class
            pictures are given.
        InvalidValue: A line of the template has no room for so many vectors.
        Corrupt: The base or a picture cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = settings_of(job, EmbeddingConfig)
    if job.class_images:
        raise UsageError(
            "class pictures, without the word, teach an embedding nothing: the base is frozen",
            remedy="Leave them out",
        )
    base = loaded_base(job, config)
    start = load_embedding(job.start_path) if job.start_path else None
    trainee = EmbeddingTrainee(base, config, job.output_name, start=start)
    with speaking(base.pipeline, trainee.word, trainee.vectors) as words:
        for line in config.prompt_template:
            _require_room(base, words, line, trainee.word)
        _tell_of_cuts(job, base, words, trainee, report)
        return fit(ArtifactKind.EMBEDDING, job, config, base=base, trainee=trainee, report=report)


def _require_room(base: Base, words: dict[str, Word], line: str, name: str) -> None:
    if not _is_whole(base, words, filled(line, name=name, caption="")):
        raise InvalidValue(
            "prompt_template with no room for all vectors in 75 tokens",
            repr(line),
            remedy="Shorten it, or set num_vectors lower",
        )


def _tell_of_cuts(
    job: TrainingJob, base: Base, words: dict[str, Word], trainee: EmbeddingTrainee, report: Report
) -> None:
    captions = {image.caption for image in job.images}
    cut = sum(not _is_whole(base, words, trainee.prompt(caption)) for caption in captions)
    if cut:
        report.message(
            f"{cut} of {len(captions)} captions are so long that the word is cut off: in "
            "prompt_template, put [name] before [filewords]"
        )


def _is_whole(base: Base, words: dict[str, Word], prompt: str) -> bool:
    """Whether a prompt has all of the word's ids in both encoders."""
    for key, word in words.items():
        ids = token_ids(getattr(base.pipeline, ENCODERS[key][0]), [prompt])
        if int(word.among(ids).sum()) < word.count:
            return False
    return True
