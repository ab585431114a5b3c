"""The pictures as they were ingested, in their folders, captions beside them."""

from collections import Counter

from sdxl_reg.catalog.dataset_exports.work import Work


def write_folder(work: Work) -> dict[str, int]:
    """Write the tree that was ingested.

    Returns:
        Folders → how many pictures are in each.
    """
    counts: Counter[str] = Counter()
    paths = work.paths()
    for picture, file in work.files():
        path = paths[picture.position]
        work.put_with_caption(path, file, work.caption(picture))
        work.note(picture, picture.source_path)
        counts[str(path.parent)] += 1
    return dict(sorted(counts.items()))
