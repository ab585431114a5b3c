"""`sdxl-reg lineage REF`: what something was made from, and what was made from it."""

from collections import defaultdict
from typing import TYPE_CHECKING

import click

from sdxl_reg.errors import UsageError
from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from rich.tree import Tree

    from sdxl_reg.catalog.ancestry import LineageGraph
    from sdxl_reg.catalog.lineage import Way
    from sdxl_reg.catalog.lineage_nodes import GraphNode

SHOWN_IMAGES = 3
DEFAULT_LIMIT = 1_000


@click.command(
    epilog="""\b
Examples:
  sdxl-reg lineage weipin-lora@best
  sdxl-reg lineage weipin@1 --json
  sdxl-reg lineage image:0e5a6c1f       what was made from this picture
  sdxl-reg lineage weipin-lora@best --as dot | dot -Tsvg -o lineage.svg
  sdxl-reg lineage weipin-lora@best --as mermaid        for a Markdown page
  sdxl-reg lineage weipin-lora@best --openlineage > events.jsonl
"""
)
@click.argument("reference")
@click.option("--depth", type=click.IntRange(min=1), help="Greatest number of steps from it.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["tree", "dot", "mermaid"]),
    default="tree",
    show_default=True,
    help="A tree for reading, or text that Graphviz or Mermaid draw.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="Of each thing at most so many that went into it, or were made from it.",
)
@click.option(
    "--openlineage",
    is_flag=True,
    help="OpenLineage events of the runs that it was made by, one on each line.",
)
@json_option
def lineage(
    reference: str, depth: int | None, form: str, limit: int, openlineage: bool, as_json: bool
) -> None:
    """Show what something was made from, down to the pictures, and what was made from it.

    REFERENCE is an artifact (weipin-lora@best), dataset:weipin@1, grid:2, image_set:weipin or
    image:SHA256.
    """
    from sdxl_reg.catalog.ancestry import lineage_of
    from sdxl_reg.catalog.lineage_document import graph_document
    from sdxl_reg.catalog.lineage_drawings import Drawing, drawn
    from sdxl_reg.catalog.openlineage import as_lines, openlineage_events
    from sdxl_reg.store.database import reading

    if openlineage and (as_json or form != "tree"):
        raise UsageError("--openlineage is a form of its own", remedy="Leave out --json and --as")
    ways: tuple[Way, ...] = ("up",) if openlineage else ("up", "down")
    with opened() as registry, reading(registry.engine) as session:
        graph = lineage_of(session, reference, ways=ways, depth=depth, limit=limit)
        if openlineage:
            click.echo("".join(as_lines(openlineage_events(session, graph))), nl=False)
        elif as_json:
            print_json(graph_document(graph))
        elif form != "tree":
            click.echo(drawn(graph, Drawing(form)), nl=False)
        else:
            _print(graph)
    if graph.cuts and not as_json:
        _tell_cuts(graph)


def _tell_cuts(graph: "LineageGraph") -> None:
    """Say on stderr what is not shown."""
    for cut in graph.cuts:
        side = "went into it" if cut.way == "up" else "were made from it"
        say(f"{cut.node}: {cut.shown:,} of {cut.total:,} that {side} are shown (more: --limit)")


def _print(graph: "LineageGraph") -> None:
    from rich.console import Console
    from rich.tree import Tree

    nodes = {node.id: node for node in graph.nodes}
    console = Console(highlight=False)
    tree = Tree(_title(nodes[graph.root]))
    _grow(tree, graph, nodes, graph.root, set())
    console.print(tree)
    made = [edge for edge in graph.edges if edge.source == graph.root]
    if made:
        console.print("\nUsed by")
        for target in dict.fromkeys(edge.target for edge in made):
            console.print(f"  {_title(nodes[target])}")


def _grow(
    tree: "Tree", graph: "LineageGraph", nodes: dict[str, "GraphNode"], root: str, seen: set[str]
) -> None:
    if root in seen:
        return
    seen.add(root)
    by_run: dict[int | None, list[tuple[str, str]]] = defaultdict(list)
    for edge in graph.edges:
        if edge.target == root:
            by_run[edge.run].append((edge.slot, edge.source))
    runs = {run.id: run for run in graph.runs}
    for run_id, inputs in by_run.items():
        branch = tree
        if run_id is not None:
            branch = tree.add(f"[cyan]run {run_id}[/]  {runs[run_id].title}")
            if settings := _settings(runs[run_id].spec):
                branch.add(settings)
        images = [nodes[source] for slot, source in inputs if slot == "image"]
        for slot, source in inputs:
            if slot != "image":
                _grow(branch.add(f"{slot}: {_title(nodes[source])}"), graph, nodes, source, seen)
        _add_images(branch, images)


def _add_images(tree: "Tree", images: list["GraphNode"]) -> None:
    """The pictures by tag; a caption that all of a tag share is written once."""
    from rich.markup import escape

    if not images:
        return
    branch = tree.add(f"{len(images)} images")
    by_tag: dict[str, list[GraphNode]] = defaultdict(list)
    for image in images:
        by_tag[str(image.facts["tags"])].append(image)
    for tag, members in sorted(by_tag.items()):
        captions = {str(image.facts["caption"]) for image in members}
        shared = f"  “{escape(captions.pop())}”" if len(captions) == 1 else ""
        group = branch.add(f"[green]{escape(tag) or '(no tag)'}[/]  {len(members)}{shared}")
        for image in members[:SHOWN_IMAGES]:
            own = "" if shared else f"  “{escape(str(image.facts['caption']))}”"
            group.add(f"[dim]{image.ref[:12]}[/]  {escape(str(image.facts['path']))}{own}")
        if len(members) > SHOWN_IMAGES:
            group.add(f"[dim]… and {len(members) - SHOWN_IMAGES} more (all of them: --json)[/]")


def _title(node: "GraphNode") -> str:
    from rich.markup import escape

    details = []
    if node.facts.get("epoch") is not None:
        details.append(f"epoch {node.facts['epoch']}, step {node.facts['step']}")
    if node.facts.get("loss") is not None:
        details.append(f"loss {node.facts['loss']:.4f}")
    if node.facts.get("digest"):
        details.append(str(node.facts["digest"])[:12])
    kind = node.facts.get("artifact_kind", node.kind)
    return (
        f"[bold]{escape(node.ref)}[/]  [dim]{kind}{', ' if details else ''}{', '.join(details)}[/]"
    )


def _settings(spec: dict[str, object]) -> str:
    from rich.markup import escape

    config = spec.get("config")
    if not isinstance(config, dict):
        return ""
    words = [f"{name}={value}" for name, value in config.items() if value is not None]
    return f"[dim]{escape(' '.join(words))}[/]"
