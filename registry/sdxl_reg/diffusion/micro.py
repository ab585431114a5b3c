"""The built-in micro base as the files of a diffusers folder; nothing here imports torch.

The package ships each thing once. What it leaves out is derived: both CLIP tokenizers come from one
list of byte-pair merges (Sennrich et al. 2016, arXiv:1508.07909; CLIP, Radford et al. 2021,
arXiv:2103.00020).
"""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sdxl_reg.errors import NotFound
from sdxl_reg.formats.clip_tokens import END, MERGES, START, byte_characters

MAX_TOKENS = 77
PADS = {"tokenizer": END, "tokenizer_2": "!"}
"""The padding token of SDXL's two tokenizers."""


def micro_base_files(packed: Traversable | None = None) -> dict[str, bytes]:
    """Relative path (with /) → bytes of the whole diffusers folder, in the order of the paths.

    Args:
        packed: What the package ships, somewhere else than in the package.

    Raises:
        NotFound: The package was installed without its data.
    """
    root = packed or files("sdxl_reg") / "micro_base"
    if not root.is_dir():
        raise NotFound("built-in base", "micro", remedy="Install the package sdxl-reg again")
    shipped = dict(_walk(root, ""))
    merges = shipped.pop(MERGES)
    for folder, pad in PADS.items():
        shipped |= {f"{folder}/{name}": data for name, data in tokenizer_files(merges, pad).items()}
    return dict(sorted(shipped.items()))


def write_files(contents: Mapping[str, bytes], folder: Path) -> Path:
    """Write a base, or a part of one, into a folder, which is made if missing.

    Args:
        contents: Relative path (with /) → bytes.
        folder: Where to; files already there are replaced.

    Returns:
        The folder.
    """
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def tokenizer_files(merges: bytes, pad: str) -> dict[str, bytes]:
    """The four files of a CLIP tokenizer, readable by transformers 4 and 5.

    Args:
        merges: A `merges.txt`: a version line, then one merge a line.
        pad: Its padding token.

    Returns:
        Name → bytes of vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json.
    """
    pairs = [tuple(line.split()) for line in merges.decode("utf-8").splitlines()[1:] if line]
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    config = special | {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_TOKENS,
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
    }
    return {
        "merges.txt": merges,
        "special_tokens_map.json": _json(special),
        "tokenizer_config.json": _json(config),
        "vocab.json": json.dumps(vocabulary(pairs), ensure_ascii=False).encode(),
    }


def vocabulary(merges: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """CLIP's token → id: bytes, bytes at a word's end, merges, start, end; 514 + merges entries."""
    characters = byte_characters()
    tokens = [*characters, *(character + "</w>" for character in characters)]
    tokens += ["".join(pair) for pair in merges] + [START, END]
    return {token: number for number, token in enumerate(tokens)}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        found += _walk(entry, name + "/") if entry.is_dir() else [(name, entry.read_bytes())]
    return found
