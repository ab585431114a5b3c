"""Tar archives read while they come: as `tarfile` writes them, and refused where they do harm."""

import contextlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.tar_stream import Member, MemberEnd, TarReader

FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=150)


def packed(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, encoding="utf-8") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def read(data: bytes, portion: int) -> dict[str, bytes]:
    reader, found = TarReader(), dict[str, bytes]()
    name, is_over = "", True
    for start in range(0, len(data), portion):
        for event in reader.feed(data[start : start + portion]):
            if isinstance(event, Member):
                assert is_over
                name, is_over = event.name, False
                found[name] = b""
            elif isinstance(event, MemberEnd):
                is_over = True
            else:
                found[name] += event
    reader.end()
    assert is_over
    return found


@given(
    files=st.dictionaries(_names, st.binary(max_size=1500), max_size=5),
    portion=st.integers(1, 3000),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_tarfile_writes_is_read_in_any_portions(
    files: dict[str, bytes], portion: int, form: int
) -> None:
    files = {name.rstrip("/") or "x": data for name, data in files.items()}
    assert read(packed(files, form), portion) == files


@pytest.mark.parametrize("form", FORMS)
def test_long_names_and_folders_are_read_in_every_form(form: int) -> None:
    files = {"a" * 90 + "/" + "b" * 60 + ".jpg": b"1", "short.jpg": bytes(512), "empty": b""}
    assert read(packed(files, form), 100) == files


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (b"Z", "of type 'Z'"),
    ],
)
def test_what_is_no_file_is_refused_by_name(kind: bytes, told: str) -> None:
    member = tarfile.TarInfo("innocent.jpg")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(InvalidValue, match=f"innocent.jpg.*{told}"):
        list(TarReader().feed(member.tobuf()))


def test_a_folder_says_nothing() -> None:
    member = tarfile.TarInfo("folder")
    member.type = tarfile.DIRTYPE
    assert read(member.tobuf() + packed({"folder/x.jpg": b"1"}), 512) == {"folder/x.jpg": b"1"}


def test_a_header_that_claims_gigabytes_is_not_gathered() -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 8 << 30
    with pytest.raises(InvalidValue, match="a header in the archive of bytes"):
        list(TarReader().feed(member.tobuf(tarfile.GNU_FORMAT)))


@pytest.mark.parametrize("data", [b"x" * 512, b"\xff" * 1024, b"GIF89a" + bytes(600)])
def test_what_is_no_tar_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValue, match="not a tar"):
        list(TarReader().feed(data))


@given(data=st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidValue):
        list(TarReader().feed(data))


def test_one_that_breaks_off_is_told_with_its_last_file() -> None:
    reader = TarReader()
    list(reader.feed(packed({"x.jpg": bytes(700)})[:1000]))
    with pytest.raises(InvalidValue, match=r"in the middle of: x\.jpg"):
        reader.end()


def test_what_follows_the_end_is_passed_over() -> None:
    assert read(packed({"x": b"1"}) + b"anything", 7000) == {"x": b"1"}
