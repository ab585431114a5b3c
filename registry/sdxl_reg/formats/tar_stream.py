"""Tar archives that are read while they come: what they hold, piece by piece, in bounded memory.

Only files are taken. Folders say nothing here; what points elsewhere (links) or is no file
(devices, pipes) is refused by name, and so is whatever is no tar.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar's long names.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from sdxl_reg.errors import InvalidValue

BLOCK = 512
_LONGEST_HEADER = 64 << 10  # of names and other words about one member
_WORDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file begins.

    Attributes:
        name: As the archive has it.
        size_bytes: How many bytes follow.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class MemberEnd:
    """The file that began last has come whole."""


Event = Member | bytes | MemberEnd


class TarReader:
    """Reads one archive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = self._padding = 0  # of the present member
        self._skip = 0  # bytes that mean nothing: padding, global headers
        self._inside = ""
        self._is_file = False
        self._words: dict[str, str] = {}
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """What some more bytes of the archive tell.

        Args:
            data: The bytes behind those of last time.

        Yields:
            For every file its name and length, then its bytes in pieces, then its end.

        Raises:
            InvalidValue: It is no tar, or holds something other than files and folders.
        """
        self._buffer += data
        while not self._is_over:
            if self._skip:
                gone = min(self._skip, len(self._buffer))
                del self._buffer[:gone]
                self._skip -= gone
                if self._skip:
                    return
            if self._is_file:
                yield from self._content()
                if self._is_file:
                    return
            elif len(self._buffer) < BLOCK or not (yield from self._header()):
                return
        self._buffer.clear()

    def end(self) -> None:
        """The archive is over.

        Raises:
            InvalidValue: It broke off in the middle of something.
        """
        if self._is_file:
            raise InvalidValue(
                "the archive breaks off in the middle of", self._inside, remedy="Send it again"
            )
        if self._buffer and not self._is_over:
            raise InvalidValue(
                "the archive breaks off", f"{len(self._buffer)} bytes of a header", remedy="Again"
            )

    def _content(self) -> Iterator[Event]:
        if self._left and self._buffer:
            some = bytes(self._buffer[: self._left])
            del self._buffer[: len(some)]
            self._left -= len(some)
            yield some
        if not self._left:
            self._is_file, self._skip = False, self._padding
            yield MemberEnd()

    def _header(self) -> Generator[Event, None, bool]:
        """Read a header; returns whether there was all of it."""
        block = bytes(self._buffer[:BLOCK])
        if block == bytes(BLOCK):
            self._is_over = True
            return True
        _check_sum(block)
        kind, size = block[156:157], _number(block[124:136])
        if kind in b"xgLK" and kind:
            return self._about(kind, size)
        del self._buffer[:BLOCK]
        words, self._words = self._words, {}
        name = words.get("path") or _name(block)
        size = _decimal(words["size"]) if "size" in words else size
        if kind == b"5":
            return True
        if kind not in (b"0", b"\0", b"7"):
            what = _WORDS.get(kind, f"of type {kind.decode('latin-1')!r}")
            raise InvalidValue(f"{name!r} in the archive is", what, remedy="Send files only")
        self._inside, self._is_file = name, True
        self._left, self._padding = size, -size % BLOCK
        yield Member(name=name, size_bytes=size)
        return True

    def _about(self, kind: bytes, size: int) -> bool:
        """Read words about the next member; whether there were all of them."""
        if size > _LONGEST_HEADER:
            raise InvalidValue("a header in the archive of bytes", size, remedy="Send a plain tar")
        end = BLOCK + size + -size % BLOCK
        if len(self._buffer) < end:
            return False
        body = bytes(self._buffer[BLOCK : BLOCK + size])
        del self._buffer[:end]
        if kind == b"x":
            self._words |= _records(body)
        elif kind == b"L":
            self._words["path"] = _text(body.rstrip(b"\0"))
        return True


def _check_sum(block: bytes) -> None:
    said = _number(block[148:156])
    if said != sum(block[:148]) + sum(block[156:]) + 8 * 0x20:
        raise InvalidValue("not a tar", "a header's sum is wrong", remedy="Send a tar of files")


def _number(field: bytes) -> int:
    """A number in octal digits, or in GNU's way in binary."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not all(0x30 <= digit <= 0x37 for digit in digits):
        raise InvalidValue("not a tar", "a header's number is none", remedy="Send a tar of files")
    return int(digits or b"0", 8)


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return _text(name)


def _records(body: bytes) -> dict[str, str]:
    """The records of a pax header that mean something here."""
    found: dict[str, str] = {}
    while body:
        length, space, _ = body.partition(b" ")
        size = int(length) if space and length.isdigit() and len(length) < 8 else 0
        record = body[len(length) + 1 : size]
        name, equals, value = record[:-1].partition(b"=")
        if not equals or record[-1:] != b"\n" or size > len(body):
            raise InvalidValue("not a tar", "a record of a header is none", remedy="Send a tar")
        if name in (b"path", b"size"):
            found[name.decode()] = _text(value)
        elif name.startswith(b"GNU.sparse"):
            raise InvalidValue("in the archive is", "a sparse file", remedy="Send it plainly")
        body = body[size:]
    return found


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidValue("length of a file in the archive", text, remedy="Send a plain tar")
    return int(text)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise InvalidValue("a name in the archive is no UTF-8", name, remedy="Rename it") from None
