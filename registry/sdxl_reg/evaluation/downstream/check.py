"""The downstream check: taught with real, synthetic and mixed pictures, tested on real ones.

For every seed the real pictures are split anew; synthetic pictures that are nearly the same as a
held-out one are dropped there, for they would give the answers away.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.downstream.classes import class_among, class_at
from sdxl_reg.evaluation.downstream.classifier import fit
from sdxl_reg.evaluation.downstream.material import (
    REAL,
    Numbers,
    Pictures,
    Plan,
    Split,
    looked_at,
    material_of,
    plans_of,
    split_of,
)
from sdxl_reg.evaluation.downstream.report import (
    RESULT,
    ClassCount,
    Downstream,
    Interval,
    Regime,
    verdict_of,
)
from sdxl_reg.evaluation.downstream.splits import likeness_groups
from sdxl_reg.evaluation.downstream.statistics import Difference, Trial, differences, f1_scores
from sdxl_reg.evaluation.scoring import Networks, ScoreReport, image_network
from sdxl_reg.jobs.spec import DownstreamSpec


def check_downstream(spec: DownstreamSpec, folder: Path, report: ScoreReport) -> Downstream:
    """Carry a check out and leave what it found as `downstream.json`.

    Args:
        spec: What to compare.
        folder: Receives the file; exists.
        report: Is told how far it is.

    Raises:
        UsageError: A class cannot be split, or no synthetic picture is of any class.
        NotFound: The network is not there.
        Corrupt: A file is no picture.
    """
    classes = sorted({class_at(image.tags, spec.level) for image in spec.real if image.tags})
    networks = Networks(image=spec.image_network, cache_path=spec.cache_path)
    real_images = [image for image in spec.real if image.tags]
    synthetic_images = [
        image for image in spec.synthetic if class_among(image.tags, spec.level, classes)
    ]
    strangers = len(spec.synthetic) - len(synthetic_images)
    if not synthetic_images:
        raise UsageError(
            f"no synthetic picture is of a class of the real ones ({', '.join(classes)})",
            remedy="Lay them out in folders that are named as the classes",
        )
    real = looked_at(real_images, spec.level, classes, networks, report)
    synthetic = looked_at(synthetic_images, spec.level, classes, networks, report)
    groups = likeness_groups(real.digests, real.hashes)
    splits = [split_of(spec, seed, real, synthetic, groups, classes) for seed in spec.seeds]
    plans, left_out = plans_of(spec.ratios, splits, synthetic, classes)
    trials = _trials(plans, splits, real, synthetic, groups, classes=classes, report=report)
    regimes = [_regime(plan, trials, splits, classes) for plan in plans]
    found = Downstream(
        network=image_network(networks).identity,
        seeds=list(spec.seeds),
        tested=round(np.mean([len(split.test) for split in splits])),
        groups=int(groups.max()) + 1,
        classes=_class_counts(classes, real, synthetic),
        copies=len(synthetic.labels)
        - len(set.intersection(*(set(s.pool.tolist()) for s in splits))),
        strangers=strangers,
        regimes=regimes,
        left_out=left_out,
        verdict=verdict_of(regimes),
    )
    (folder / RESULT).write_text(found.model_dump_json(indent=2), encoding="utf-8")
    return found


def _dropped(splits: Sequence[Split], synthetic: Pictures) -> int:
    """How many synthetic pictures were dropped in some split."""
    always = set.intersection(*(set(split.pool.tolist()) for split in splits))
    return len(synthetic.labels) - len(always)


def _trials(
    plans: Sequence[Plan],
    splits: Sequence[Split],
    real: Pictures,
    synthetic: Pictures,
    groups: Numbers,
    *,
    classes: Sequence[str],
    report: ScoreReport,
) -> dict[str, list[Trial]]:
    trials: dict[str, list[Trial]] = {plan.name: [] for plan in plans}
    total = len(plans) * len(splits)
    for number, (split, plan) in enumerate((s, p) for s in splits for p in plans):
        report.progress(number, total, "teaching")
        of_real, of_synthetic = material_of(plan, split)
        classifier = fit(
            np.concatenate([real.features[of_real], synthetic.features[of_synthetic]]),
            np.concatenate([real.labels[of_real], synthetic.labels[of_synthetic]]),
            classes=len(classes),
        )
        trial = Trial(
            truth=real.labels[split.test],
            predicted=classifier.predict(real.features[split.test]),
            units=groups[split.test],
        )
        trials[plan.name].append(trial)
    report.progress(total, total, "teaching")
    return trials


def _regime(
    plan: Plan,
    trials: dict[str, list[Trial]],
    splits: Sequence[Split],
    classes: Sequence[str],
) -> Regime:
    scores = f1_scores(trials[plan.name], len(classes))
    material = [material_of(plan, split) for split in splits]
    compared = None
    if plan is not REAL:
        compared = differences(trials[plan.name], trials[REAL.name], len(classes))
    return Regime(
        name=plan.name,
        kind=plan.kind,
        ratio=plan.ratio,
        real=round(np.mean([len(of_real) for of_real, _ in material])),
        synthetic=round(np.mean([len(of_synthetic) for _, of_synthetic in material])),
        f1=float(np.mean(scores)),
        class_f1=dict(zip(classes, scores.tolist(), strict=True)),
        difference=_interval(compared[0]) if compared else None,
        class_differences={
            name: _interval(each)
            for name, each in zip(classes, compared[1] if compared else (), strict=False)
        },
    )


def _interval(difference: Difference) -> Interval:
    return Interval(mean=difference.mean, low=difference.low, high=difference.high)


def _class_counts(classes: Sequence[str], real: Pictures, synthetic: Pictures) -> list[ClassCount]:
    of_real, of_synthetic = Counter(real.labels.tolist()), Counter(synthetic.labels.tolist())
    return [
        ClassCount(name=name, real=of_real[label], synthetic=of_synthetic[label])
        for label, name in enumerate(classes)
    ]
