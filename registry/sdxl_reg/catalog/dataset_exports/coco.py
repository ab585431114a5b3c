"""COCO: folders of pictures and their annotations as JSON, see `formats.coco`."""

from collections import defaultdict

from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.formats.coco import (
    ANNOTATIONS,
    CAPTIONS,
    INSTANCES,
    CocoPicture,
    captions,
    categories_of,
    instances,
)
from sdxl_reg.formats.picture_rows import row_document


def write_coco(work: Work) -> dict[str, int]:
    """Write a folder of pictures for each split and two documents in `annotations/`.

    Returns:
        Folders of pictures → how many are in each.
    """
    contents, stems = work.contents, work.stems()
    found: defaultdict[str, list[CocoPicture]] = defaultdict(list)
    for picture, file in work.files():
        name, row = stems[picture.position] + file.suffix, work.row(picture)
        work.put(f"{picture.split}/{name}", file.data)
        work.note(picture, f"{picture.split}/{name}")
        found[picture.split].append(
            CocoPicture(
                id=picture.position + 1,
                file_name=name,
                size=file.size,
                row=row,
                document=row_document(row, contents.columns),
            )
        )
    categories = categories_of((p.tag_path for p in contents.pictures), contents.levels)
    for split, pictures in found.items():
        about = contents.reference
        documents = {
            INSTANCES: instances(pictures, categories, about=about),
            CAPTIONS: captions(pictures, about=about),
        }
        for kind, text in documents.items():
            work.put(f"{ANNOTATIONS}/{kind}_{split}.json", text)
    return {split: len(pictures) for split, pictures in found.items()}
