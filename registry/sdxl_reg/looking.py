"""The process that looks at pictures: `python -m sdxl_reg.looking NETWORK BATCH [DEVICE]`.

It reads a JSON object a line, `{"key", "path"}` or `{"key", "text"}`, and answers each with a line
`{"key", "vector"}`: float16, unit length, base64. An error of ours is told as one object with
`code`; the exit code is the error's. Started by `sdxl_reg.jobs.looking`.
"""

import base64
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sdxl_reg.errors import RegistryError, as_facts
from sdxl_reg.evaluation.metrics.interface import Rows, unit
from sdxl_reg.evaluation.networks.hub import HubNetwork
from sdxl_reg.imaging.decode import upright_rgb
from sdxl_reg.imaging.problems import Unreadable


def main(arguments: list[str]) -> int:
    """Answer every line of the input.

    Args:
        arguments: The network, how many pictures are looked at together, and the device: `cpu`,
            `cuda` or nothing for a GPU where there is one.

    Returns:
        The exit code: 0, or that of the error, which is told on stdout.
    """
    try:
        network = HubNetwork(arguments[0])
        if device := "".join(arguments[2:3]):
            network.to(device)
        asked = (json.loads(line) for line in sys.stdin)
        for answer in answers(network, asked, batch_size=int(arguments[1])):
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    except RegistryError as error:
        sys.stdout.write(json.dumps(as_facts(error)) + "\n")
        return error.exit_code
    return 0


def answers(
    network: HubNetwork, asked: Iterable[dict[str, Any]], *, batch_size: int
) -> Iterator[dict[str, str]]:
    """What a network makes of each line.

    Args:
        network: It looks.
        asked: The lines.
        batch_size: Lines answered together.

    Yields:
        One object for each line, in its order.
    """
    lines = iter(asked)
    while some := list(islice(lines, batch_size)):
        yield from _answered(network, some)


def _answered(network: HubNetwork, asked: list[dict[str, Any]]) -> list[dict[str, str]]:
    prepared: dict[int, Rows] = {}
    faults: dict[int, str] = {}
    for number, line in enumerate(asked):
        if "path" in line:
            try:
                prepared[number] = network.prepare(upright_rgb(Path(line["path"]).read_bytes()))
            except (OSError, Unreadable) as error:
                faults[number] = str(error)
    rows: dict[int, Rows] = {}
    if prepared:
        seen = network.rows(np.stack(list(prepared.values())))
        rows = dict(zip(prepared, unit(seen), strict=True))
    texts = {number: line["text"] for number, line in enumerate(asked) if "text" in line}
    if texts:
        rows |= dict(zip(texts, unit(network.text_rows(list(texts.values()))), strict=True))
    return [
        {"key": line["key"], "vector": _encoded(rows[number]) if number in rows else ""}
        | ({"fault": faults[number]} if number in faults else {})
        for number, line in enumerate(asked)
    ]


def _encoded(row: Rows) -> str:
    return base64.b64encode(row.astype("<f2").tobytes()).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
