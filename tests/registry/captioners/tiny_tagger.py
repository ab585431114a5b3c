"""A tagger of the smallest size, as a folder of the hub, whose answers can be computed by hand."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_tagger(
    folder: Path, tags: Sequence[tuple[str, int]], *, side: int = 16, batch: int | str = "N"
) -> Path:
    """A network whose tags are the brightness of blue, green and red at three places, in turns.

    Tag number n looks at pixel (n, n) and channel n modulo 3 of what it is given; its probability
    is that value by 255.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.zeros((side * side * 3, len(tags)), np.float32)
    for number in range(len(tags)):
        weights[(number * side + number) * 3 + number % 3, number] = 1 / 255
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["output"]),
        ],
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, side, side, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, len(tags)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    with (folder / "selected_tags.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["tag_id", "name", "category", "count"])
        writer.writerows([n, name, category, 1] for n, (name, category) in enumerate(tags))
    return folder
