"""What a downstream check teaches and tests with: pictures, their splits, and ways to mix them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.downstream.classes import class_among
from sdxl_reg.evaluation.downstream.report import LeftOut
from sdxl_reg.evaluation.downstream.splits import HASHES, InOnePiece, alike, held_out
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.evaluation.networks.features import Features, Measuring
from sdxl_reg.evaluation.scoring import Networks, ScoreReport, image_network
from sdxl_reg.jobs.spec import DownstreamSpec, ImageSpec

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures as a classifier and a leak check see them.

    Attributes:
        labels: Classes from 0; (N,).
        features: (N, D).
        hashes: (N, 64).
        digests: Of their bytes.
    """

    labels: Numbers
    features: Rows
    hashes: Rows
    digests: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split.

    Attributes:
        seed: Its seed.
        train: Numbers of the real pictures to teach with, shuffled.
        test: Those to test on.
        pool: Numbers of the synthetic pictures that leak nothing, shuffled.
    """

    seed: int
    train: Numbers
    test: Numbers
    pool: Numbers


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One way to teach.

    Attributes:
        name: For people.
        kind: What of.
        ratio: Of a mix.
    """

    name: str
    kind: Literal["real", "synthetic", "mixed"]
    ratio: float | None = None


REAL = Plan(name="real only", kind="real")
SYNTHETIC = Plan(name="synthetic only", kind="synthetic")


def looked_at(
    images: Sequence[ImageSpec],
    level: int,
    classes: Sequence[str],
    networks: Networks,
    report: ScoreReport,
) -> Pictures:
    """Pictures with everything that is needed of them.

    Args:
        images: Each of one of the classes.
        level: Where the real pictures have their classes.
        classes: Their names.
        networks: What looks at them.
        report: Is told how far the looking is.

    Raises:
        Corrupt: A file is no picture.
    """
    cache = networks.cache_path / "features" if networks.cache_path else None
    features = Features(cache, report.progress)
    paths = [image.path for image in images]
    names = [class_among(image.tags, level, classes) for image in images]
    return Pictures(
        labels=np.array([classes.index(str(name)) for name in names], dtype=np.int64),
        features=features.of_pictures(image_network(networks), paths),
        hashes=features.of_pictures(Measuring(measure=HASHES), paths),
        digests=[image.sha256 for image in images],
    )


def split_of(
    spec: DownstreamSpec,
    seed: int,
    real: Pictures,
    synthetic: Pictures,
    groups: Numbers,
    classes: Sequence[str],
) -> Split:
    """One split, with the synthetic pictures that leak nothing into it.

    Args:
        spec: The check.
        seed: Of the split.
        real: All real pictures.
        synthetic: All synthetic pictures of a class.
        groups: Group of each real picture; see `splits.likeness_groups`.
        classes: Their names.

    Raises:
        UsageError: A class is so much alike that it cannot be split.
    """
    try:
        is_test = held_out(groups, real.labels, share=spec.held_out, seed=seed)
    except InOnePiece as error:
        raise UsageError(
            f"the real pictures of {classes[error.label]!r} are so much alike that they cannot be "
            "split into some to teach with and others to test on",
            remedy="Add pictures that differ, or choose another level (--by)",
        ) from None
    generator = np.random.default_rng(seed)
    test = np.flatnonzero(is_test)
    kept = np.flatnonzero(~copies_of(synthetic, real, test))
    return Split(
        seed=seed,
        train=generator.permutation(np.flatnonzero(~is_test)),
        test=test,
        pool=generator.permutation(kept),
    )


def copies_of(synthetic: Pictures, real: Pictures, test: Numbers) -> NDArray[np.bool_]:
    """Which synthetic pictures are nearly the same as a held-out one, by bytes or by likeness.

    Args:
        synthetic: The pictures in question.
        real: Those that some are held out of.
        test: Numbers of the held-out ones.

    Returns:
        (synthetic,).
    """
    answers = {real.digests[number] for number in test}
    same = np.array([digest in answers for digest in synthetic.digests], dtype=np.bool_)
    like: NDArray[np.bool_] = same | alike(synthetic.hashes, real.hashes[test]).any(axis=1)
    return like


def plans_of(
    ratios: Sequence[float], splits: Sequence[Split], synthetic: Pictures, classes: Sequence[str]
) -> tuple[list[Plan], list[LeftOut]]:
    """The ways to teach that the pictures suffice for, and why others are left out.

    Args:
        ratios: Of the mixes.
        splits: All of them: a way has to be possible in each.
        synthetic: The synthetic pictures.
        classes: Their names.
    """
    plans, left_out = [REAL], []
    lacking = {
        classes[label]
        for split in splits
        for label in set(range(len(classes))) - set(synthetic.labels[split.pool].tolist())
    }
    if lacking:
        reason = f"there are no synthetic pictures of {', '.join(sorted(lacking))}"
        left_out.append(LeftOut(name=SYNTHETIC.name, reason=reason))
    else:
        plans.append(SYNTHETIC)
    for ratio in ratios:
        plan = Plan(name=f"real + {ratio:g}× synthetic", kind="mixed", ratio=ratio)
        wanted = max(round(ratio * len(split.train)) for split in splits)
        there = min(len(split.pool) for split in splits)
        if wanted > there:
            reason = f"it takes {wanted} synthetic pictures, and there are {there}"
            left_out.append(LeftOut(name=plan.name, reason=reason))
        else:
            plans.append(plan)
    return plans, left_out


def material_of(plan: Plan, split: Split) -> tuple[Numbers, Numbers]:
    """Numbers of the real and of the synthetic pictures to teach with."""
    if plan.kind == "synthetic":
        return split.train[:0], split.pool
    count = round((plan.ratio or 0) * len(split.train))
    return split.train, split.pool[:count]
