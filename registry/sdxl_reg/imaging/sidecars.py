"""Captions beside pictures: where they may stand, which one wins, and how their bytes are read.

Precedence for `a.jpg`: `a.txt`, `a.caption`, `a.json` (its `caption` or `text`), `metadata.jsonl`
in the picture's folder or one above it (the line whose `file_name` names the picture). An empty one
falls through to the next. Several lines are joined with a space; of a file whose further lines are
translations (`de.utf8=…`, as Tux Paint writes them) the first line is the caption.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sdxl_reg.formats.clip_tokens import CHUNK_TOKENS, token_count
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.imaging.scan import CAPTION_SUFFIXES, METADATA_NAME, PictureFile

MAX_BYTES = 1 << 20
MAX_METADATA_BYTES = 1 << 28
_TRANSLATION = re.compile(r"^[A-Za-z_@-]{2,20}\.utf8=")
_KEYS = ("caption", "text", "prompt")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, kw_only=True)
class Sidecars:
    """The captions found beside pictures.

    Attributes:
        texts: Name of a picture → its caption.
        used: Names of caption files that belong to a picture.
        problems: What is worth knowing about them.
    """

    texts: dict[str, str]
    used: frozenset[str]
    problems: tuple[Problem, ...]


class SidecarReader:
    """Reads captions folder by folder, and each `metadata.jsonl` once for all of them."""

    def __init__(self) -> None:
        self._metadata: dict[str, dict[str, str]] = {}

    def read(self, pictures: Iterable[PictureFile], files: dict[str, Path]) -> Sidecars:
        """Read the captions that stand beside pictures.

        Args:
            pictures: The pictures of one folder or more.
            files: The caption files in these folders, name → path, with every `metadata.jsonl` in
                them and above them.

        Returns:
            The captions, which files they came from, and what was odd about these.
        """
        reader = _Reader(files, self._metadata)
        texts = {}
        for picture in pictures:
            if text := reader.caption_for(picture.name):
                texts[picture.name] = text
        return Sidecars(texts=texts, used=frozenset(reader.owners), problems=tuple(reader.problems))


class _Reader:
    """Reads each caption file once and remembers to which picture it went."""

    def __init__(self, files: dict[str, Path], metadata: dict[str, dict[str, str]]) -> None:
        self.files = files
        self.owners: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._texts: dict[str, str] = {}
        self._metadata = metadata

    def caption_for(self, picture: str) -> str:
        text = ""
        for name in self._candidates(picture):
            if not text:
                text = self._text_of(name, picture)
            self._own(name, picture)
        text = text or self._from_metadata(picture)
        if (count := token_count(text)) > CHUNK_TOKENS:
            self._tell(
                picture,
                Code.CAPTION_LONG,
                f"Its caption has {count} tokens; SDXL reads {CHUNK_TOKENS} at once",
            )
        return text

    def _candidates(self, picture: str) -> Iterator[str]:
        stem = str(PurePosixPath(picture).with_suffix(""))
        for suffix in CAPTION_SUFFIXES:
            for name in (stem + suffix, stem + suffix.upper()):
                if name in self.files:
                    yield name

    def _own(self, name: str, picture: str) -> None:
        owner = self.owners.setdefault(name, picture)
        if owner != picture:
            self._tell(picture, Code.CAPTION_SHARED, f"It shares the caption {name} with {owner}")

    def _text_of(self, name: str, picture: str) -> str:
        if name not in self._texts:
            self._texts[name] = self._parsed(name)
            if not self._texts[name]:
                self._tell(name, Code.CAPTION_EMPTY, f"It holds no caption for {picture}")
        return self._texts[name]

    def _parsed(self, name: str) -> str:
        raw = self._decoded(name, MAX_BYTES)
        if not name.lower().endswith(".json"):
            return caption_of_lines(raw)
        try:
            return _text_in(json.loads(raw)) if raw else ""
        except ValueError:
            self._tell(name, Code.CAPTION_ENCODING, "It is no valid JSON; its caption was not read")
            return ""

    def _decoded(self, name: str, max_bytes: int) -> str:
        try:
            with self.files[name].open("rb") as stream:
                data = stream.read(max_bytes + 1)
        except OSError as error:
            self._tell(name, Code.UNREADABLE, f"The caption cannot be read: {error.strerror}")
            return ""
        if len(data) > max_bytes:
            self._tell(
                name, Code.TOO_LARGE, f"It is longer than {max_bytes:,} bytes; it was not read"
            )
            return ""
        text, encoding = decode_text(data)
        if encoding is None:
            self._tell(name, Code.CAPTION_ENCODING, "Its encoding is unknown; save it as UTF-8")
        elif not encoding.startswith("utf-8"):
            self._tell(
                name, Code.CAPTION_ENCODING, f"It was read as {encoding.upper()}; check the caption"
            )
        return text

    def _from_metadata(self, picture: str) -> str:
        path = PurePosixPath(picture)
        for folder in path.parents:
            name = str(folder / METADATA_NAME)
            if name in self.files:
                if name not in self._metadata:
                    self._metadata[name] = self._read_metadata(name)
                text = self._metadata[name].get(str(path.relative_to(folder)), "")
                if text:
                    self.owners.setdefault(name, picture)
                    return text
        return ""

    def _read_metadata(self, name: str) -> dict[str, str]:
        self.owners.setdefault(name, name)
        texts: dict[str, str] = {}
        for number, line in enumerate(self._decoded(name, MAX_METADATA_BYTES).splitlines(), 1):
            if line.strip():
                self._read_metadata_line(name, number, line, texts)
        return texts

    def _read_metadata_line(self, name: str, number: int, line: str, texts: dict[str, str]) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        file_name = row.get("file_name") if isinstance(row, dict) else None
        if not isinstance(file_name, str):
            self._tell(
                name, Code.CAPTION_REFUSED, f"Line {number} is no JSON object with a file_name"
            )
        elif file_name.startswith("/") or ".." in PurePosixPath(file_name).parts:
            self._tell(
                name,
                Code.CAPTION_REFUSED,
                f"Line {number} names a file outside: {file_name!a}",
            )
        else:
            texts[str(PurePosixPath(file_name))] = _text_in(row)

    def _tell(self, path: str, code: Code, message: str) -> None:
        self.problems.append(Problem(path=path, stage=Stage.CAPTION, code=code, message=message))


def decode_text(data: bytes) -> tuple[str, str | None]:
    """Text of bytes in UTF-8, UTF-16 or GBK (as its superset GB18030).

    Args:
        data: The bytes of a text file.

    Returns:
        The text without byte-order mark and without NUL, and the encoding it was read in; an
        empty text and None where no encoding fits. The text never holds U+FFFD in place of bytes.
    """
    marked = next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)
    for encoding in (marked,) if marked else (*_unmarked_utf16(data), "utf-8", "gb18030"):
        try:
            return data.decode(encoding).replace("\0", "").strip("\ufeff"), encoding
        except UnicodeDecodeError:
            continue
    return "", None


def _unmarked_utf16(data: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark shows as a NUL in every second byte of Latin text."""
    if len(data) >= 4 and data[1::2].count(0) > len(data) / 3:
        return ("utf-16-le",)
    if len(data) >= 4 and data[::2].count(0) > len(data) / 3:
        return ("utf-16-be",)
    return ()


def caption_of_lines(text: str) -> str:
    """One caption of the lines of a file: joined, without trailing comma or double spaces."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and any(_TRANSLATION.match(line) for line in lines[1:]):
        lines = lines[:1] if not _TRANSLATION.match(lines[0]) else []
    joined = " ".join(" ".join(lines).split()).rstrip(", ")
    return joined.encode("utf-8", "ignore").decode()  # JSON can hold half a surrogate pair


def _text_in(document: object) -> str:
    """The caption in a JSON object, or in a plain JSON string."""
    if isinstance(document, str):
        return caption_of_lines(document)
    if isinstance(document, dict):
        for key in _KEYS:
            if isinstance(value := document.get(key), str) and value.strip():
                return caption_of_lines(value)
    return ""
