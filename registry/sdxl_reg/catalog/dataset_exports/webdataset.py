"""WebDataset shards: tar files that training reads from end to end, see `formats.webdataset`."""

import json

from sdxl_reg.catalog.dataset_exports.options import SPLITS
from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.formats.file_names import unique_stems
from sdxl_reg.formats.picture_rows import row_document
from sdxl_reg.formats.webdataset import ShardWriter, TarSample


def write_webdataset(work: Work) -> dict[str, int]:
    """Write `train-000000.tar` and so on: picture, `.txt` and `.json` of each sample.

    Returns:
        Shards → how many samples are in each.
    """
    most_bytes = work.options.shard_bytes
    writers = {
        split: ShardWriter(work.sink.scratch, split, most_bytes=most_bytes, whole=work.sink.take)
        for split in SPLITS
    }
    stems = work.stems()
    keys = dict(
        zip(stems, unique_stems([[s.replace(".", "_")] for s in stems.values()]), strict=True)
    )
    for picture, file in work.files():
        row = work.row(picture)
        document = row_document(row, work.contents.columns)
        about = json.dumps(document | {"size": list(file.size)}, ensure_ascii=False)
        parts = {file.suffix[1:]: file.data, "json": about.encode(), "txt": row.caption.encode()}
        key = keys[picture.position]
        writers[picture.split].write(TarSample(key=key, parts=parts))
        work.note(picture, key)
    for writer in writers.values():
        writer.close()
    return {name: count for writer in writers.values() for name, count in writer.counts.items()}
