"""Parquet files with the pictures inside, as Hugging Face's `datasets` reads them."""

from sdxl_reg.catalog.dataset_exports.options import SPLITS
from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.formats.picture_tables import TableWriter

DATA = "data"


def write_parquet(work: Work) -> dict[str, int]:
    """Write `data/train-00000-of-00002.parquet` and so on.

    Returns:
        Files → how many pictures are in each.

    Raises:
        UsageError: pyarrow is not installed.
    """
    folder = work.sink.scratch
    (folder / DATA).mkdir()
    most_bytes = work.options.shard_bytes
    writers = {
        split: TableWriter(
            folder / DATA, split, levels=work.contents.columns, most_bytes=most_bytes
        )
        for split in SPLITS
    }
    stems = work.stems()
    for picture, file in work.files():
        name = stems[picture.position] + file.suffix
        writers[picture.split].write(name, file.data, work.row(picture))
        work.note(picture, name)
    files = [path for writer in writers.values() for path in writer.close()]
    counts = {path: count for writer in writers.values() for path, count in writer.counts.items()}
    for path in files:
        work.sink.take(path)
    return {str(path.relative_to(folder)): counts[path] for path in files}
