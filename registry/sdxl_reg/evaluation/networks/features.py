"""What networks and measures say of pictures, kept by the digest of the bytes they looked at.

Pictures are decoded one at a time and looked at a few at a time; only features stay in memory.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from sdxl_reg.errors import Corrupt
from sdxl_reg.evaluation.metrics.interface import Measure, Rows
from sdxl_reg.imaging.decode import upright_rgb
from sdxl_reg.imaging.problems import Unreadable

CHUNK = 16
"""Pictures looked at together."""
_DIGEST_BYTES = 32

Tell = Callable[[int, int, str], None]
"""How far a stage is: done, total, and what it is called."""


class Extractor(Protocol):
    """What looks at pictures: a network, or a measure of their pixels."""

    @property
    def identity(self) -> str:
        """Everything that determines its numbers, besides the picture."""

    def prepare(self, picture: Image.Image) -> Rows:
        """A picture in mode RGB as `rows` takes it, of one shape for all pictures."""

    def rows(self, prepared: Rows) -> Rows:
        """Features of several prepared pictures; (N, …) → (N, D)."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """A measure as an extractor.

    Attributes:
        measure: The measure.
    """

    measure: Measure

    @property
    def identity(self) -> str:
        """That of the measure."""
        return self.measure.identity

    def prepare(self, picture: Image.Image) -> Rows:
        """Its numbers."""
        return self.measure.of(picture)

    def rows(self, prepared: Rows) -> Rows:
        """Its numbers, as they are."""
        return prepared


class Features:
    """Features of pictures, looked up before they are computed.

    Args:
        folder: Where they are kept; may be deleted at any time. None: nowhere.
        tell: Is told how far the looking is.
    """

    def __init__(self, folder: Path | None, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._known: dict[str, Rows] = {}
        self._digests: dict[Path, str] = {}

    def of_pictures(self, extractor: Extractor, paths: Sequence[Path]) -> Rows:
        """Features of picture files.

        Args:
            extractor: What looks at them.
            paths: The files; one may stand several times.

        Returns:
            (N, D), in their order; (0, 0) without pictures.

        Raises:
            Corrupt: A file is no picture.
        """
        keys = [_key("picture", extractor.identity, self._digest(path)) for path in paths]
        by_key = dict(zip(keys, paths, strict=True))
        missing = [key for key in by_key if self._recall(key) is None]
        for start in range(0, len(missing), CHUNK):
            self._tell(start, len(missing), f"looking: {_shown(extractor.identity)}")
            part = missing[start : start + CHUNK]
            prepared = [extractor.prepare(_decoded(by_key[key])) for key in part]
            for key, row in zip(part, extractor.rows(np.stack(prepared)), strict=True):
                self._keep(key, row)
        if missing:
            self._tell(len(missing), len(missing), f"looking: {_shown(extractor.identity)}")
        return np.stack([self._known[key] for key in keys]) if keys else _nothing()

    def of_texts(
        self, identity: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Rows]
    ) -> Rows:
        """Features of texts.

        Args:
            identity: Everything that determines them, besides the text.
            texts: One may stand several times.
            compute: From distinct texts to their features.

        Returns:
            (N, D); (0, 0) without texts.
        """
        keys = {text: _key("text", identity, text) for text in texts}
        missing = [text for text, key in keys.items() if self._recall(key) is None]
        if missing:
            for text, row in zip(missing, compute(missing), strict=True):
                self._keep(keys[text], row)
        rows = [self._known[keys[text]] for text in texts]
        return np.stack(rows) if rows else _nothing()

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            with path.open("rb") as stream:
                self._digests[path] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[path]

    def _recall(self, key: str) -> Rows | None:
        if key not in self._known and self._folder is not None:
            row = _read(self._folder / key[:2] / key)
            if row is not None:
                self._known[key] = row
        return self._known.get(key)

    def _keep(self, key: str, row: Rows) -> None:
        kept = np.array(row, dtype=np.float32)
        self._known[key] = kept
        if self._folder is not None:
            _write(self._folder / key[:2] / key, kept)


def _decoded(path: Path) -> Image.Image:
    try:
        return upright_rgb(path.read_bytes())
    except Unreadable as error:
        raise Corrupt(path, error.message) from None


def _key(*facts: str) -> str:
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def _read(path: Path) -> Rows | None:
    """What an entry holds; None where there is none, or where it is not what was written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if not body or len(body) % 4 or hashlib.sha256(body).digest() != digest:
        return None
    return np.frombuffer(body, dtype="<f4").astype(np.float32)


def _write(path: Path, row: Rows) -> None:
    """Write an entry; it appears whole or not at all, whoever else writes it meanwhile."""
    body = row.astype("<f4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(hashlib.sha256(body).digest() + body)
        except BaseException:
            temporary.unlink()
            raise
    temporary.replace(path)


def _nothing() -> Rows:
    return np.zeros((0, 0), dtype=np.float32)


def _shown(identity: str) -> str:
    return identity.partition("/")[0]
