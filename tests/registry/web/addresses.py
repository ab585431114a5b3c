"""What stands in the addresses of routes, so that every one of them leads somewhere."""

from collections.abc import Iterator, Mapping

from sqlalchemy import select

from sdxl_reg.store.database import reading
from sdxl_reg.tables import Blob, DatasetEntry, Image
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.pages import router as pages
from sdxl_reg.web.pages.problems import router as problems
from sdxl_reg.web.pages.sign_in import router as sign_in
from tests.registry.web.routes import routes_below


def page_templates() -> Iterator[str]:
    """The address of every page, as the application has it: `/grids/{grid_id}`."""
    for router in (pages, sign_in, problems):
        yield from (path for method, path in routes_below(router.routes) if method == "GET")


def values_of(registry: Registry) -> Mapping[str, str]:
    """What takes the places of addresses, of the example registry."""
    with reading(registry.engine) as session:
        image = select(Blob.sha256).join(Image).join(DatasetEntry).limit(1)
        sha256 = session.scalar(image)
    return {
        "sha256": str(sha256),
        "ref": "weipin",
        "which": "1",
        "run_id": "1",
        "grid_id": "1",
        "generation_id": "1",
        "position": "0",
        "kind": "csv",
        "caption_id": "1",
        "form": "folder",
        "program": "kohya",
        "alias": "best",
        "code": "not-found",
        "part": "balance",
        "project": "main",
        "member": "1",
        "number": "999",
    }


def filled(template: str, values: Mapping[str, str]) -> str:
    """The address of a route of the example registry, with the query it needs."""
    name = "weipin"
    if "/artifacts/" in template:
        name = "weipin-lora"
    elif "/trainers/" in template:
        name = "lora"
    elif "/users/" in template:
        name = "writer-of-main"
    path = "style.css" if "/static/" in template else "weipin-lora-000001.safetensors"
    values = {**values, "name": name, "path": path, "path:path": path}
    if "/progress" in template:
        values["grid_id"] = "2"
    for place, value in values.items():
        template = template.replace("{" + place + "}", value)
    other = "weipin-lora@2" if "/artifacts/" in template else "weipin@1"
    asked = {"/diff": f"?before={other}", "/drawing": "?form=dot"}
    return template + asked.get(template[template.rindex("/") :], "")
