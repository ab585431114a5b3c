"""Pictures of the class at large, for prior preservation: given, or drawn by the base itself.

Source: Ruiz et al. 2023, "DreamBooth", arXiv:2208.12242, section 3.2.
"""

import hashlib
import json
from pathlib import Path

from sdxl_reg.errors import UsageError
from sdxl_reg.trainers.interface import Report, TrainingImage, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base
from sdxl_reg.training.samples import save_sample


def class_images(
    job: TrainingJob, config: DenoisingConfig, base: Base, report: Report
) -> list[TrainingImage]:
    """The class pictures of a job; none when it asks for none.

    Drawn pictures lie in the job's cache under a key of everything that determines them.

    Args:
        job: May give some.
        config: `class_prompt` and `num_class_images` ask for more to be drawn.
        base: Draws them, before anything is trained.
        report: Is told of progress.

    Raises:
        UsageError: Pictures are to be drawn, and it is not said of what.
    """
    missing = config.num_class_images - len(job.class_images)
    if missing <= 0:
        return list(job.class_images)
    if not config.class_prompt:
        raise UsageError(
            f"num_class_images: {missing} pictures are to be drawn, and there is no class_prompt",
            remedy="Set class_prompt, such as 'a t-shirt'",
        )
    found = list(job.class_images)
    for number in range(missing):
        found.append(_drawn(job, config, base, number))
        report.progress(number + 1, missing, "draw class pictures")
    return found


def _drawn(job: TrainingJob, config: DenoisingConfig, base: Base, number: int) -> TrainingImage:
    path = job.cache_path / "class" / f"{_key(job, config, base, number)}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        details = {"base": job.base.sha256}
        save_sample(
            base, config, config.class_prompt, path, seed=config.seed + number, details=details
        )
    return TrainingImage(
        path=path, sha256=_sha256(path), caption=config.class_prompt, tags="", repeats=1
    )


def _key(job: TrainingJob, config: DenoisingConfig, base: Base, number: int) -> str:
    facts = {
        "base": job.base.sha256,
        "start": _sha256(job.start_path) if job.start_path else None,
        "prompt": config.class_prompt,
        "seed": config.seed + number,
        "steps": config.sample_steps,
        "guidance": config.sample_guidance_scale,
        "side": base.native,
        "dtypes": [str(base.dtype), str(base.pipeline.unet.dtype)],
        "prediction_type": base.prediction_type,
        "zero_terminal_snr": config.zero_terminal_snr,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
