"""The one flat folder of pictures of one size that A1111 trains hypernetworks and embeddings on.

A1111 takes every file of the folder that it can open, pulls it to the width and height that its
page says whatever its shape, and says for `[filewords]` what the text file beside it holds, line
break included. Without that file it says the name of the picture, so that one without a caption has
an empty file.

Source: stable-diffusion-webui 1.10.1, `modules/textual_inversion/dataset.py` (`PersonalizedBase`).
"""

from pathlib import PurePosixPath

from sdxl_reg.catalog.dataset_exports.imagefolder import METADATA, metadata_line
from sdxl_reg.catalog.dataset_exports.work import Work


def write_hypernetwork(work: Work) -> dict[str, int]:
    """Write pictures and text files side by side, and metadata.jsonl, which A1111 passes over.

    Returns:
        The folder → how many pictures are in it.
    """
    stems = work.stems()
    lines = []
    for picture, file in work.files():
        caption = work.caption(picture)
        name = work.put_with_caption(PurePosixPath(stems[picture.position]), file, caption)
        if not caption:
            work.put(f"{stems[picture.position]}.txt", "")
        work.note(picture, name)
        lines.append(metadata_line(work, picture, name))
    work.put(METADATA, "".join(lines))
    return {".": len(lines)}
