"""The quarantine: what is plain data is told, everything else is refused before it could run."""

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import Corrupt, NotFound, UsageError
from sdxl_reg.formats.identity import identify_pickled
from sdxl_reg.formats.pickle_machine import TensorOutline
from sdxl_reg.formats.pickles import outline
from sdxl_reg.vocabulary import ArtifactKind


def archive(path: Path, program: bytes, **options: Any) -> Path:
    """A PyTorch archive with this pickle, and no tensor behind it."""
    with zipfile.ZipFile(path, "w", **options) as made:
        made.writestr("x/data.pkl", program)
        made.writestr("x/version", "3\n")
    return path


def pickled(path: Path, value: object) -> Path:
    return archive(path, pickle.dumps(value, protocol=2))


TENSOR = (
    b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(("
    b"X\x07\x00\x00\x00storagectorch\n%bStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ"
    b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRs."
)
"""{"w": a tensor of 2 x 3}, as torch.save writes it."""


def test_tensors_are_told_without_their_numbers(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.pt", TENSOR % b"Half")
    assert outline(path) == {"w": TensorOutline(dtype="F16", shape=(2, 3))}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=20,
    )
)
def test_plain_values_are_told_as_they_are(value: object) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        assert repr(outline(pickled(Path(folder) / "x.pt", value))) == repr(value)


class Harmful:
    """What pickle would run when it opens the file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Harmful(), "exec"),
        ({"state_dict": {}, "callbacks": [Harmful()]}, "exec"),
        (pickle.loads, "pickle.loads"),
        (Path("x"), "pathlib"),
    ],
)
def test_what_could_run_is_refused_by_its_name(tmp_path: Path, value: object, name: str) -> None:
    with pytest.raises(Corrupt, match=name):
        outline(pickled(tmp_path / "x.pt", value))


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        (b"\x80\x04\x95" + struct.pack("<Q", 0) + b"N.", "FRAME"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "SHORT_BINUNICODE"),
        (b"(S'id'\nios\nsystem\n.", "STRING"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"),
        (b"\x80\x02ccollections\nOrderedDict\n]\x85R.", "calls collections.OrderedDict"),
        (b"\x80\x02X\x01\x00\x00\x00x\x85Q.", "no sense"),
        (b"\x80\x02s.", "no sense"),
        (b"\x80\x02}}Ns.", "no sense"),
        (b"\x80\x02NN.", "no sense"),
        (b"\x80\x02t.", "no sense"),
        (b"\x80\x02", "no sense"),
        (b"", "no sense"),
        (TENSOR % b"Complex", "ComplexStorage"),
    ],
)
def test_a_program_that_torch_does_not_write_is_refused(
    tmp_path: Path, program: bytes, fault: str
) -> None:
    with pytest.raises(Corrupt, match=fault):
        outline(archive(tmp_path / "x.pt", program))


@given(st.binary(max_size=200))
def test_no_program_ends_otherwise_than_told_or_refused(program: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = archive(Path(folder) / "x.pt", b"\x80\x02" + program)
        try:
            outline(path)
        except Corrupt:
            return


def test_a_nest_of_tuples_takes_no_time(tmp_path: Path) -> None:
    """Hashing or printing it would take 2 to the power of 200 steps."""
    program = b"\x80\x02})" + b"q\x00h\x00\x86" * 200 + b"Ns."
    with pytest.raises(Corrupt, match="no sense"):
        outline(archive(tmp_path / "x.pt", program))


def test_an_archive_that_programs_could_read_differently_is_refused(tmp_path: Path) -> None:
    program = pickle.dumps({"a": 1}, protocol=2)
    whole = archive(tmp_path / "x.pt", program).read_bytes()
    compressed = archive(tmp_path / "c.pt", program, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(Corrupt, match="compressed"):
        outline(compressed)
    for name, data in {
        "before.pt": b"#!/bin/sh\n" + whole,
        "behind.pt": whole + b"more",
        "cut.pt": whole[:-30],
        "old.pt": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "empty.pt": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Corrupt):
            outline(tmp_path / name)
    with pytest.raises(NotFound):
        outline(tmp_path / "absent.pt")


def test_an_archive_with_other_files_inside_is_refused(tmp_path: Path) -> None:
    for name in ("x/code/__torch__.py", "y/data.pkl", "x/constants.pkl", "data.pkl"):
        path = pickled(tmp_path / "x.pt", {"a": 1})
        with zipfile.ZipFile(path, "a") as more:
            more.writestr(name, b"N.")
        with pytest.raises(Corrupt, match="no PyTorch archive"):
            outline(path)


def test_a_pickle_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="bytes"):
        outline(archive(tmp_path / "x.pt", b"\x80\x02" + b"N" * 5_000_000))


@pytest.mark.parametrize(
    ("value", "kind", "family"),
    [
        ({640: (), 2048: (), "name": "x"}, ArtifactKind.HYPERNETWORK, "sdxl"),
        ({320: (), 768: ()}, ArtifactKind.HYPERNETWORK, "sd1"),
        ({640: ()}, ArtifactKind.HYPERNETWORK, "unknown"),
        ({"clip_l": 1, "clip_g": 2}, ArtifactKind.EMBEDDING, "sdxl"),
        ({"string_to_param": {}}, ArtifactKind.EMBEDDING, "unknown"),
        ({"lora_unet_x.alpha": 1}, ArtifactKind.LORA, "unknown"),
        ({"state_dict": OrderedDict(a=1)}, ArtifactKind.CHECKPOINT, "unknown"),
    ],
)
def test_kind_and_family_are_told(
    tmp_path: Path, value: object, kind: ArtifactKind, family: str
) -> None:
    found = identify_pickled(pickled(tmp_path / "x.pt", value))
    assert (found.kind, found.family) == (kind, family)


def test_an_embedding_tells_its_family_by_its_width(tmp_path: Path) -> None:
    wide = TENSOR.replace(b"X\x01\x00\x00\x00w", b"X\x01\x00\x00\x00*") % b"Float"
    wide = wide.replace(b"K\x02K\x03\x86", b"K\x02M\x00\x03\x86")  # 2 x 768
    inner = wide.removeprefix(b"\x80\x02").removesuffix(b".")
    program = b"\x80\x02}X\x0f\x00\x00\x00string_to_param" + inner + b"s."
    found = identify_pickled(archive(tmp_path / "x.pt", program))
    assert (found.kind, found.family) == (ArtifactKind.EMBEDDING, "sd1")


@pytest.mark.parametrize("value", [{"a": 1}, [1], {}])
def test_data_of_no_known_kind_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(UsageError, match="no kind"):
        identify_pickled(pickled(tmp_path / "x.pt", value))
