"""What can be wrong with one file of an ingested folder, as a value that is reported.

A file that cannot be taken is never an exception for the whole ingest: it becomes a `Problem`
with a path, the stage that met it, a code for programs and a sentence for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Which step of an ingest met the problem."""

    SCAN = "scan"  # walking the folders
    READ = "read"  # taking the bytes of a file
    DECODE = "decode"  # making pixels of them
    CAPTION = "caption"  # reading the text beside a picture
    RECORD = "record"  # comparing with what is recorded


class Code(StrEnum):
    """What is wrong, as a word that programs can rely on."""

    # The file is skipped: it is nothing that this program takes.
    UNSUPPORTED_TYPE = "unsupported-type"
    CAPTION_WITHOUT_PICTURE = "caption-without-picture"
    LINK_OUTSIDE = "link-outside"
    LINK_TO_FOLDER = "link-to-folder"
    LINK_DANGLING = "link-dangling"
    NOT_A_FILE = "not-a-file"
    NO_SET = "no-set"
    # The file has failed: it claims to be a picture and could not be taken.
    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TOO_LARGE = "too-large"
    PERMISSION_DENIED = "permission-denied"
    VANISHED = "vanished"
    CHANGED = "changed-while-reading"
    UNREADABLE = "unreadable"
    # The picture is taken, and something about it is worth knowing.
    DUPLICATE = "duplicate"
    PIXEL_DUPLICATE = "pixel-duplicate"
    LABEL_CONFLICT = "label-conflict"
    FIRST_FRAME = "first-frame"
    TRAILING_BYTES = "trailing-bytes"
    CORRUPT_DATA = "corrupt-data"
    TINY = "tiny"
    QUALITY = "quality"
    NEAR_CONFLICT = "near-conflict"
    LEVEL_MISSING = "level-missing"
    CAPTION_EMPTY = "caption-empty"
    CAPTION_ENCODING = "caption-encoding"
    CAPTION_LONG = "caption-long"
    CAPTION_SHARED = "caption-shared"
    CAPTION_REFUSED = "caption-refused"
    CAPTION_KEPT = "caption-kept"
    SIMILAR_NAME = "similar-name"
    MOVED_SET = "moved-set"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to tell about one file.

    Attributes:
        path: Relative to the ingested folder, with /; bytes that are no UTF-8 stand as `\\xNN`.
        stage: The step that met it.
        code: The kind of problem.
        message: A sentence: what is wrong and, where there is something, what to do.
    """

    path: str
    stage: Stage
    code: Code
    message: str


def as_document(problem: Problem) -> dict[str, str]:
    """A problem as JSON."""
    return {
        "path": problem.path,
        "stage": problem.stage.value,
        "code": problem.code.value,
        "message": problem.message,
    }


def from_document(document: Mapping[str, str]) -> Problem:
    """The problem that `as_document` wrote."""
    return Problem(
        path=document["path"],
        stage=Stage(document["stage"]),
        code=Code(document["code"]),
        message=document["message"],
    )


class Unreadable(Exception):
    """Raised inside `imaging` where one file cannot be taken; callers make a `Problem` of it."""

    def __init__(self, stage: Stage, code: Code, message: str) -> None:
        self.stage = stage
        self.code = code
        self.message = message
        super().__init__(message)

    def at(self, path: str) -> Problem:
        """The problem this is for a path."""
        return Problem(path=path, stage=self.stage, code=self.code, message=self.message)
