"""Reports on an image set as documents: quality, balance, likeness, captions."""

from collections.abc import Sequence

from pydantic import Field

from sdxl_reg.catalog.balance import BalanceReport, shown_value
from sdxl_reg.catalog.caption_statistics import CaptionStatistics
from sdxl_reg.catalog.likeness import Cluster, ClusterMember, LabelConflict
from sdxl_reg.catalog.quality_report import QualityReport
from sdxl_reg.web.schemas.base import Document, Sha256, url
from sdxl_reg.web.schemas.images import MemberItem, member_item


class FlaggedItem(Document):
    """The pictures with one flag."""

    flag: str = Field(description="blurred, dark, bright, flat, small or strip.")
    select: str = Field(description="The selector that means them all.")
    count: int
    worst: list[MemberItem]


class QualityDocument(Document):
    """How fit the pictures of a set are for training."""

    pictures: int = Field(description="Present members.")
    unmeasured: int = Field(description="Those that no ingest has looked at yet.")
    spread: dict[str, dict[str, int]] = Field(
        description="sharpness, brightness, contrast, size → value without decimals → pictures."
    )
    flagged: list[FlaggedItem]


class BalanceItem(Document):
    """A value of a level."""

    value: str = Field(description="Empty for pictures without a tag at this level.")
    shown: str = Field(description="As people read it: `no defect`.")
    images: int
    repeats: int = Field(description="How often an epoch should show each of them.")


class LevelBalance(Document):
    """How even a level is."""

    level: str
    rows: list[BalanceItem]
    remarks: list[str]


class BalanceDocument(Document):
    """How even the tags of a set are, level by level."""

    levels: list[LevelBalance]


class LikeItem(Document):
    """A picture among others that are like it."""

    member: int
    sha256: Sha256
    path: str
    tags: str
    width: int
    height: int
    url: str
    thumbnail: str


class ClusterItem(Document):
    """Pictures that are the same or nearly so; the one to keep first."""

    kind: str = Field(description="same bytes, same pixels, or near.")
    size: int = Field(description="How many pictures it has.")
    members: list[LikeItem] = Field(description="The first of them.")


class ConflictItem(Document):
    """Pictures that are alike and whose tags contradict each other."""

    cluster: ClusterItem
    labels: list[str]
    distance: int = Field(description="Bits of 64 between the nearest two under different tags.")
    is_same_picture: bool


class LikenessDocument(Document):
    """What of a set is the same or nearly so."""

    clusters: int = Field(description="How many there are.")
    pictures: int = Field(description="How many pictures are in them.")
    conflicts: int
    worst_conflicts: list[ConflictItem]
    largest_clusters: list[ClusterItem]


class WordItem(Document):
    """A part of captions between commas."""

    text: str
    tokens: list[str]
    captions: int


class CaptionStatisticsDocument(Document):
    """The captions of a set in numbers."""

    members: int
    without: int = Field(description="Pictures without a caption.")
    lengths: dict[str, int] = Field(description="Number of CLIP tokens → captions.")
    longer: dict[str, int] = Field(description="Limit of tokens → captions that are cut there.")
    longest: str = Field(description="Path of a picture with the longest caption.")
    words: list[WordItem] = Field(description="The most frequent ones.")


_SHOWN_OF_CLUSTER = 12


def quality_document(report: QualityReport) -> QualityDocument:
    """How fit the pictures of a set are."""
    return QualityDocument(
        pictures=report.pictures,
        unmeasured=report.unmeasured,
        spread={
            name: {str(value): count for value, count in counts.items()}
            for name, counts in report.spread.items()
        },
        flagged=[
            FlaggedItem(
                flag=str(found.flag),
                select=f"quality:{found.flag} AND is:present",
                count=found.count,
                worst=[member_item(member) for member in found.worst],
            )
            for found in report.flagged
        ],
    )


def balance_document(reports: Sequence[BalanceReport]) -> BalanceDocument:
    """How even the tags of a set are."""
    return BalanceDocument(levels=[_level(report) for report in reports])


def likeness_document(
    clusters: Sequence[Cluster], conflicts: Sequence[LabelConflict], *, limit: int
) -> LikenessDocument:
    """What of a set is alike.

    Args:
        clusters: All of them, the largest first.
        conflicts: All of them, the worst first.
        limit: How many of either are told in full.
    """
    return LikenessDocument(
        clusters=len(clusters),
        pictures=sum(len(cluster.members) for cluster in clusters),
        conflicts=len(conflicts),
        worst_conflicts=[_conflict(found) for found in conflicts[:limit]],
        largest_clusters=[_cluster(found) for found in clusters[:limit]],
    )


def caption_statistics_document(
    found: CaptionStatistics, *, limit: int
) -> CaptionStatisticsDocument:
    """The captions of a set in numbers.

    Args:
        found: What was counted.
        limit: How many words are told.
    """
    return CaptionStatisticsDocument(
        members=found.members,
        without=found.without,
        lengths={str(length): count for length, count in found.lengths.items()},
        longer={str(limit): count for limit, count in found.longer.items()},
        longest=found.longest,
        words=[
            WordItem(text=word.text, tokens=list(word.tokens), captions=word.captions)
            for word in found.words[:limit]
        ],
    )


def _level(report: BalanceReport) -> LevelBalance:
    rows = [
        BalanceItem(
            value=row.value,
            shown=shown_value(row.value, report.level),
            images=row.images,
            repeats=row.repeats,
        )
        for row in report.rows
    ]
    return LevelBalance(level=report.level, rows=rows, remarks=list(report.remarks))


def _cluster(found: Cluster) -> ClusterItem:
    members = [_like(member) for member in found.members[:_SHOWN_OF_CLUSTER]]
    return ClusterItem(kind=str(found.kind), size=len(found.members), members=members)


def _like(member: ClusterMember) -> LikeItem:
    return LikeItem(
        member=member.member_id,
        sha256=member.sha256,
        path=member.source_path,
        tags=member.tag_path,
        width=member.width,
        height=member.height,
        url=url("images", member.sha256),
        thumbnail=url("images", member.sha256, "thumbnail"),
    )


def _conflict(found: LabelConflict) -> ConflictItem:
    return ConflictItem(
        cluster=_cluster(found.cluster),
        labels=list(found.labels),
        distance=found.distance,
        is_same_picture=found.is_same_picture,
    )
