"""WebDataset shards: tar files in which the members of a sample lie together and share a name.

    train-000000.tar    qzy_spot_01.jpg  qzy_spot_01.json  qzy_spot_01.txt  qzy_spot_02.jpg …

The same samples give the same bytes: no times, no owners, a fixed order. A sample's name ends at
its first dot, so that a key has none.

Source: webdataset 1.0.2, `webdataset/tariterators.py` (`base_plus_ext`, `group_by_keys`).
"""

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sdxl_reg.errors import Corrupt

BLOCK_BYTES = 512
END_BYTES = 20 * BLOCK_BYTES  # tar pads its end to a record


@dataclass(frozen=True, kw_only=True)
class TarSample:
    """Members of a tar file that share their name up to the first dot.

    Attributes:
        key: The name, folders included.
        parts: What follows the dot, in lower case → bytes.
    """

    key: str
    parts: dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A member that is not read.

    Attributes:
        name: As the file says it.
        code: `not-a-file`, `link-outside`, `too-large` or `unsupported-type`.
        reason: Why, as a sentence.
    """

    name: str
    code: str
    reason: str


class ShardWriter:
    """Writes samples into shards of a limited size, one after the other.

    Args:
        folder: Where they lie.
        prefix: Of their names.
        most_bytes: Of one of them.
        whole: Told of each once nothing more is written into it.

    Attributes:
        counts: Name of a shard → how many samples it has.
    """

    def __init__(
        self,
        folder: Path,
        prefix: str,
        *,
        most_bytes: int,
        whole: Callable[[Path], None] = lambda _path: None,
    ) -> None:
        self.counts: dict[str, int] = {}
        self._whole = whole
        self._folder = folder
        self._prefix = prefix
        self._most_bytes = most_bytes
        self._tar: tarfile.TarFile | None = None
        self._written = 0

    def write(self, sample: TarSample) -> str:
        """Add a sample, in a new shard where the present one would become too long.

        Args:
            sample: Its key without a dot; a sample longer than a shard has one of its own.

        Returns:
            The name of the shard.
        """
        length = sum(_length(sample.key, suffix, data) for suffix, data in sample.parts.items())
        tar = self._tar
        if tar is None or self._written + length + END_BYTES > self._most_bytes:
            tar = self._begin()
        for suffix, data in sorted(sample.parts.items()):
            info = tarfile.TarInfo(f"{sample.key}.{suffix}")
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
        self._written += length
        name = next(reversed(self.counts))
        self.counts[name] += 1
        return name

    def close(self) -> None:
        """End the last shard."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            self._whole(self._folder / next(reversed(self.counts)))

    def _begin(self) -> tarfile.TarFile:
        self.close()
        name = f"{self._prefix}-{len(self.counts):06}.tar"
        tar = tarfile.TarFile(self._folder / name, "w", format=tarfile.PAX_FORMAT)
        self._tar, self._written, self.counts[name] = tar, 0, 0
        return tar


def read_samples(path: Path, *, most_bytes: int = 1 << 29) -> Iterator[TarSample | Refused]:
    """The samples of a shard, one after the other; nothing is unpacked and nothing unpickled.

    Args:
        path: A tar file, compressed or not.
        most_bytes: Length of a member that is still read.

    Yields:
        Samples, and members that are refused: links, devices, paths that lead out.

    Raises:
        Corrupt: It is no tar file, or its end is missing; what came before was yielded.
    """
    key, parts = "", dict[str, bytes]()
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                if member.isdir():
                    continue
                if fault := _fault(member, most_bytes):
                    yield Refused(name=member.name, code=fault[0], reason=fault[1])
                    continue
                stem, suffix = split_name(member.name)
                if parts and (stem != key or suffix in parts):
                    yield TarSample(key=key, parts=parts)
                    parts = {}
                stream = tar.extractfile(member)
                key, parts[suffix] = stem, stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the file
        remedy = "Copy it again from its origin"
        raise Corrupt(path, f"no whole tar file ({error})", remedy=remedy) from error
    if parts:
        yield TarSample(key=key, parts=parts)


def split_name(name: str) -> tuple[str, str]:
    """Key and suffix of a member: the last part of its path is cut at its first dot.

    Args:
        name: With /.
    """
    path = PurePosixPath(name)
    stem, _, suffix = path.name.partition(".")
    return str(path.with_name(stem)) if stem else "", suffix.lower()


def _fault(member: tarfile.TarInfo, most_bytes: int) -> tuple[str, str] | None:
    if not member.isreg():
        return "not-a-file", "It is a link or a device, not a file"
    if member.name.startswith("/") or ".." in PurePosixPath(member.name).parts:
        return "link-outside", "Its name leads out of the folder"
    if PurePosixPath(member.name).name.startswith("."):
        return "unsupported-type", "Its name begins with a dot, as that of no sample does"
    if member.size > most_bytes:
        return "too-large", f"It has {member.size:,} bytes; at most {most_bytes:,} are read"
    return None


def _length(key: str, suffix: str, data: bytes) -> int:
    """Of a member in whole blocks; a name that is no short ASCII has more headers than one."""
    name = f"{key}.{suffix}"
    headers = 1 if name.isascii() and len(name) <= 100 else 3
    return headers * BLOCK_BYTES + -(-len(data) // BLOCK_BYTES) * BLOCK_BYTES
