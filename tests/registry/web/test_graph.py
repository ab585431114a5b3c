"""The lineage as a drawing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.store.database import reading
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.graph_folding import Arrow, Drawing, Vertex, folded, page_of_node, shortened
from sdxl_reg.web.graph_layout import columns_of, laid_out


def _vertex(name: str) -> Vertex:
    return Vertex(id=name, kind="artifact", title=name, subtitle="", href="/")


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Up to a dozen vertices; arrows lead from older to newer ones, as in every lineage."""
    count = draw(st.integers(1, 12))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    arrows = [
        Arrow(source=str(min(pair)), target=str(max(pair)), label="x")
        for pair in draw(st.sets(pairs, max_size=20))
        if pair[0] != pair[1]
    ]
    vertices = [_vertex(str(number)) for number in range(count)]
    return Drawing(vertices=vertices, arrows=list(dict.fromkeys(arrows)))


@given(drawings())
@settings(max_examples=60, deadline=None)
def test_boxes_never_overlap_and_arrows_lead_to_the_right(drawing: Drawing) -> None:
    layout = laid_out(drawing)
    assert len(layout.boxes) == len(drawing.vertices)
    assert len(layout.lines) == len(drawing.arrows)
    places = {box.vertex.id: box for box in layout.boxes}
    for arrow in drawing.arrows:
        source, target = places[arrow.source], places[arrow.target]
        assert source.x + source.width < target.x
    boxes = list(layout.boxes)
    for number, one in enumerate(boxes):
        assert one.x >= 0
        assert one.x + one.width <= layout.width
        assert one.y + one.height <= layout.height
        for other in boxes[number + 1 :]:
            assert (
                one.x + one.width <= other.x
                or other.x + other.width <= one.x
                or one.y + one.height <= other.y
                or other.y + other.height <= one.y
            )


@given(drawings())
@settings(max_examples=30, deadline=None)
def test_the_same_graph_is_drawn_the_same_way(drawing: Drawing) -> None:
    assert laid_out(drawing) == laid_out(drawing)


def test_what_comes_from_nothing_stands_next_to_what_needs_it() -> None:
    arrows = [
        Arrow(source="image", target="dataset", label=""),
        Arrow(source="dataset", target="run", label=""),
        Arrow(source="base", target="run", label=""),
    ]
    columns = columns_of(["image", "dataset", "base", "run"], arrows)
    assert columns == {"image": 0, "dataset": 1, "base": 1, "run": 2}


def test_pictures_are_folded_by_their_tags_and_runs_stand_between(registry: Registry) -> None:
    with reading(registry.engine) as session:
        drawing = folded(lineage_of(session, "weipin-lora@best"))
    groups = {v.title: v.subtitle for v in drawing.vertices if v.kind == "images"}
    assert groups["qzy/flawless"] == "5 images"
    assert sum(int(words.split()[0]) for words in groups.values()) == 21
    assert [v.title for v in drawing.vertices if v.kind == "run"] == ["run 1", "run 2"]
    assert Arrow(source="dataset:weipin@1", target="run:1", label="dataset") in drawing.arrows
    assert Arrow(source="run:1", target="artifact:weipin-lora@3", label="") in drawing.arrows
    assert [v.id for v in drawing.vertices if v.is_root] == ["artifact:weipin-lora@3"]


def test_a_picture_that_was_asked_for_stands_alone(registry: Registry) -> None:
    with reading(registry.engine) as session:
        graph = lineage_of(session, "dataset:weipin@1")
        sha256 = next(node.ref for node in graph.nodes if node.kind == "image")
        drawing = folded(lineage_of(session, f"image:{sha256}"))
    (root,) = (vertex for vertex in drawing.vertices if vertex.is_root)
    assert root.thumbnails == (sha256,)
    assert not [vertex for vertex in drawing.vertices if vertex.kind == "images"]


def test_every_kind_of_node_has_a_page() -> None:
    assert page_of_node("artifact", "a b@3") == "/artifacts/a%20b#v3"
    assert page_of_node("dataset", "weipin@1") == "/datasets/weipin@1"
    assert page_of_node("image_set", "微品") == "/image-sets/%E5%BE%AE%E5%93%81"
    assert page_of_node("grid", "2") == "/grids/2"


def test_long_names_lose_their_middle() -> None:
    assert shortened("short", 17) == "short"
    assert len(shortened("a-very-long-name-of-an-artifact@12", 17)) == 17
    assert shortened("a-very-long-name-of-an-artifact@12", 17).endswith("@12")
