"""The reports on an image set, as its pages and the API give them."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.balance import balance_reports
from sdxl_reg.catalog.caption_statistics import caption_statistics
from sdxl_reg.catalog.likeness import clusters_of, label_conflicts
from sdxl_reg.catalog.quality_report import quality_report
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging import quality
from sdxl_reg.tables import ImageSet
from sdxl_reg.web.histograms import Histogram, histogram, logarithmic
from sdxl_reg.web.schemas.reports import (
    BalanceDocument,
    CaptionStatisticsDocument,
    LikenessDocument,
    QualityDocument,
    balance_document,
    caption_statistics_document,
    likeness_document,
    quality_document,
)

PARTS: Mapping[str, str] = {
    "quality": "Quality",
    "balance": "Balance",
    "likeness": "Duplicates and conflicts",
    "captions": "Captions",
}
"""The parts of a report: their word in addresses → their heading."""
AT_ONCE = 2_000
"""A set with at most so many pictures is reported on in one go; of a larger one part by part."""
_CLUSTERS = 60
_WORDS = 60


def quality_of(session: Session, image_set: ImageSet) -> QualityDocument:
    """How fit the pictures are for training."""
    return quality_document(quality_report(session, image_set))


def balance_of(session: Session, image_set: ImageSet) -> BalanceDocument:
    """How even each level of the tags is."""
    return balance_document(balance_reports(session, image_set))


def likeness_of(session: Session, image_set: ImageSet) -> LikenessDocument:
    """Pictures that are the same or nearly so, and those whose tags contradict each other."""
    found = clusters_of(session, image_set)
    return likeness_document(found, label_conflicts(found), limit=_CLUSTERS)


def captions_of(session: Session, image_set: ImageSet) -> CaptionStatisticsDocument:
    """How long the captions are, and which words they are made of."""
    return caption_statistics_document(caption_statistics(session, image_set), limit=_WORDS)


def facts_of(session: Session, image_set: ImageSet, part: str) -> dict[str, Any]:
    """What the template of one part shows.

    Args:
        session: The transaction.
        image_set: The set.
        part: One of `PARTS`.

    Raises:
        NotFound: There is no such part.
    """
    if part not in _FACTS:
        raise NotFound("part of a report", part, PARTS)
    return _FACTS[part](session, image_set)


def _quality_facts(session: Session, image_set: ImageSet) -> dict[str, Any]:
    found = quality_of(session, image_set)
    return {"quality": found, "histograms": [h for h in _histograms(found) if h]}


def _histograms(found: QualityDocument) -> list[Histogram | None]:
    spread = {name: {int(v): n for v, n in counts.items()} for name, counts in found.spread.items()}
    return [
        histogram("sharpness", spread["sharpness"], below=quality.BLURRED_BELOW, scale=logarithmic),
        histogram(
            "brightness",
            spread["brightness"],
            below=quality.DARK_BELOW,
            above=quality.BRIGHT_ABOVE,
            most=255,
        ),
        histogram("contrast", spread["contrast"], below=quality.FLAT_BELOW),
        histogram("shorter side in pixels", spread["size"], below=quality.SMALL_BELOW),
    ]


def _balance_facts(session: Session, image_set: ImageSet) -> dict[str, Any]:
    return {"balance": balance_of(session, image_set)}


def _likeness_facts(session: Session, image_set: ImageSet) -> dict[str, Any]:
    return {"likeness": likeness_of(session, image_set)}


def _caption_facts(session: Session, image_set: ImageSet) -> dict[str, Any]:
    found = captions_of(session, image_set)
    lengths = {int(length): count for length, count in found.lengths.items()}
    return {"captions": found, "lengths": histogram("tokens", lengths, above=75)}


_FACTS: Mapping[str, Callable[[Session, ImageSet], dict[str, Any]]] = {
    "quality": _quality_facts,
    "balance": _balance_facts,
    "likeness": _likeness_facts,
    "captions": _caption_facts,
}
