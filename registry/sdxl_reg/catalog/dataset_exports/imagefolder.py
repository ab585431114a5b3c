"""Hugging Face's imagefolder: a folder for each split, with metadata.jsonl beside its pictures.

    train/metadata.jsonl    train/xxx1.jpg …    validation/metadata.jsonl …

The pictures of a split lie in no folders of their own: `datasets` would take one called `test` for
another split. Their tags are columns.

Source: datasets 5.2.0, `data_files.py` (names of splits) and
`packaged_modules/folder_based_builder/folder_based_builder.py`.
"""

import json
from collections import defaultdict

from sdxl_reg.catalog.dataset_exports.contents import Picture
from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.formats.picture_rows import row_document

METADATA = "metadata.jsonl"


def write_imagefolder(work: Work) -> dict[str, int]:
    """Write the folders of the splits.

    Returns:
        Folders → how many pictures are in each.
    """
    stems = work.stems()
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for picture, file in work.files():
        name = stems[picture.position] + file.suffix
        work.put(f"{picture.split}/{name}", file.data)
        work.note(picture, f"{picture.split}/{name}")
        lines[picture.split].append(metadata_line(work, picture, name))
    for split, own in lines.items():
        work.put(f"{split}/{METADATA}", "".join(own))
    return {split: len(own) for split, own in lines.items()}


def metadata_line(work: Work, picture: Picture, name: str) -> str:
    """One line of metadata.jsonl.

    Args:
        work: The export.
        picture: One of its pictures.
        name: Of its file, relative to metadata.jsonl.
    """
    document = {"file_name": name} | row_document(work.row(picture), work.contents.columns)
    return json.dumps(document, ensure_ascii=False) + "\n"
