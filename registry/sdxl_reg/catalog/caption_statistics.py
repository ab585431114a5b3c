"""How long the captions of a set are in tokens, and which words they are made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.selection import selects
from sdxl_reg.formats.clip_tokens import CHUNK_TOKENS, token_count, tokens
from sdxl_reg.tables import Caption, CaptionHead, ImageSet, Member
from sdxl_reg.vocabulary import MemberState

LIMITS = (CHUNK_TOKENS, 2 * CHUNK_TOKENS, 3 * CHUNK_TOKENS)
"""What kohya's max_token_length of 75, 150 and 225 takes."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A part of captions between commas.

    Attributes:
        text: As most often written.
        tokens: Into what CLIP's tokenizer takes it apart.
        captions: How many captions have it.
    """

    text: str
    tokens: tuple[str, ...]
    captions: int


@dataclass(frozen=True, kw_only=True)
class CaptionStatistics:
    """The captions of a set in numbers.

    Attributes:
        members: Pictures whose files are there.
        without: How many of them have no caption, or one without words.
        lengths: Number of tokens → how many captions have it, ascending.
        longer: Limit of 75, 150 and 225 tokens → how many captions are cut off there.
        longest: The path of a picture with the longest caption; empty without captions.
        words: What stands between the commas, the most frequent first.
    """

    members: int
    without: int
    lengths: dict[int, int]
    longer: dict[int, int]
    longest: str
    words: Sequence[Word]


def caption_statistics(
    session: Session, image_set: ImageSet, selector: str = ""
) -> CaptionStatistics:
    """Count the tokens and words of captions.

    Args:
        session: The transaction.
        image_set: The set.
        selector: Which of its members; empty for every one whose file is there.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    rows = session.execute(
        select(Caption.text, func.count(), func.min(Member.source_path))
        .select_from(Member)
        .outerjoin(CaptionHead, CaptionHead.member_id == Member.id)
        .outerjoin(Caption, Caption.id == CaptionHead.caption_id)
        .where(
            Member.image_set_id == image_set.id,
            Member.state == MemberState.PRESENT,
            selects(session, image_set, selector),
        )
        .group_by(Caption.text)
    )
    lengths: Counter[int] = Counter()
    words: dict[str, Counter[str]] = {}
    members, without, longest = 0, 0, (-1, "")
    for text, count, path in rows:
        members += count
        if not text:
            without += count
            continue
        length = token_count(text)
        lengths[length] += count
        longest = max(longest, (length, path))
        for part in {part.strip() for part in text.split(",")} - {""}:
            words.setdefault(part.casefold(), Counter())[part] += count
    return CaptionStatistics(
        members=members,
        without=without,
        lengths=dict(sorted(lengths.items())),
        longer={
            limit: sum(count for length, count in lengths.items() if length > limit)
            for limit in LIMITS
        },
        longest=longest[1],
        words=sorted(map(_word, words.values()), key=lambda word: (-word.captions, word.text)),
    )


def _word(spellings: Counter[str]) -> Word:
    text = min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
    return Word(text=text, tokens=tuple(tokens(text)), captions=spellings.total())
