"""Tables of pictures as Parquet."""

import json
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from sdxl_reg.errors import Corrupt, UsageError
from sdxl_reg.formats.picture_rows import PictureRow
from sdxl_reg.formats.picture_tables import TableWriter, features, read_table

LEVELS = ("brand", "state")


def test_rows_come_back_and_files_are_named_by_how_many_there_are(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path, "train", levels=LEVELS, most_bytes=250)
    for number in range(5):
        writer.write(f"{number}.jpg", bytes([number]) * 100, PictureRow(tags=("qzy",)))
    files = writer.close()
    assert [path.name for path in files] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    assert list(writer.counts.values()) == [2, 2, 1]
    rows = [row for path in files for row in read_table(path)]
    assert [row["image"]["path"] for row in rows] == [f"{n}.jpg" for n in range(5)]
    assert rows[3]["image"]["bytes"] == b"\3" * 100
    assert (rows[0]["brand"], rows[0]["state"]) == ("qzy", "")


def test_the_file_says_what_its_columns_are(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path, "train", levels=LEVELS, most_bytes=250)
    writer.write("0.jpg", b"x", PictureRow())
    schema = parquet.read_schema(writer.close()[0])
    said = json.loads(schema.metadata[b"huggingface"])
    assert said == {"info": {"features": features(LEVELS)}}
    assert schema.names == list(features(LEVELS))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        writer = TableWriter(tmp_path / name, "train", levels=LEVELS, most_bytes=1 << 20)
        for number in range(50):
            writer.write(f"{number}.jpg", bytes(number), PictureRow(caption=str(number)))
        found.append(writer.close()[0].read_bytes())
    assert found[0] == found[1]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(Corrupt, match="Parquet"):
        list(read_table(tmp_path / "x.parquet"))


def test_without_pyarrow_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="sdxl-reg\\[parquet\\]"):
        list(read_table(tmp_path / "x.parquet"))
