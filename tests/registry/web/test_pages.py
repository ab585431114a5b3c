"""The pages without a browser: every one answers, escapes and says what to type."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sdxl_reg.evaluation.work import span_words
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.templating import with_code

PAGES = [
    "/",
    "/image-sets",
    "/image-sets/weipin",
    "/image-sets/weipin?tag=qzy/flawed&limit=3",
    "/image-sets/weipin?select=**/spot",
    "/image-sets/weipin?tag=nothing",
    "/image-sets/weipin?words=spot&only=small&only=cropped",
    "/image-sets/weipin/report",
    "/image-sets/weipin/report/quality",
    "/image-sets/weipin/report/likeness",
    "/datasets",
    "/datasets/weipin@1",
    "/datasets/weipin@1?split=train",
    "/datasets/weipin@1/diff?before=weipin@1",
    "/artifacts",
    "/artifacts/weipin-lora",
    "/artifacts/weipin-lora/versions/best",
    "/artifacts/weipin-lora/versions/1",
    "/artifacts/micro/versions/1",
    "/artifacts/weipin-lora/versions/3/diff",
    "/artifacts/weipin-lora/versions/best/diff?before=micro@1",
    "/artifacts/micro",
    "/grids",
    "/grids/1",
    "/grids/2",
    "/grids/1?metric=fidelity",
    "/grids/1/cells/4",
    "/grids/2/cells/0",
    "/grids/2/cells/2",
    "/grids/1/vote",
    "/grids/1/vote/ranking",
    "/generations",
    "/generations/1",
    "/runs",
    "/runs/1",
    "/runs/2",
    "/runs/3",
    "/lineage/weipin-lora@best",
    "/lineage/dataset:weipin@1?depth=1",
    "/lineage/image_set:weipin",
    "/lineage/grid:1",
    "/lineage/generation:1",
    "/api",
]


class _Reader(HTMLParser):
    """Collects what a page links to, and what in it lacks a text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        is_data = facts.get("type") == "application/json"
        if tag == "script" and not is_data and not (facts.get("src") or "").startswith("/static/"):
            self.faults.append(f"a script that is not ours: {facts}")
        if tag == "img" and facts.get("alt") is None:
            self.faults.append(f"a picture without a text: {facts}")
        if any(name.startswith("on") or name == "style" for name in facts):
            self.faults.append(f"something the policy forbids: {facts}")
        for name in ("href", "src"):
            address = facts.get(name)
            if address is not None and not address.startswith("#"):
                self.links.append(address)


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a registry in which nothing is recorded."""
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path)})
    engine = connect(settings.database_url)
    upgrade(engine)
    store = BlobStore(settings.store_path)
    yield TestClient(create_app(Registry(engine=engine, store=store, settings=settings)))
    engine.dispose()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_and_every_picture_has_a_text(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200, response.text
    reader = _Reader()
    reader.feed(response.text)
    assert reader.faults == []
    assert all(link.startswith("/") for link in reader.links), reader.links


def test_every_link_of_every_page_leads_somewhere(client: TestClient) -> None:
    seen: set[str] = set()
    queue = ["/"]
    while queue:
        path = queue.pop().partition("#")[0]
        if not path or path in seen:
            continue
        seen.add(path)
        response = client.get(path)
        assert response.status_code == 200, path
        is_saved = "attachment" in response.headers.get("content-disposition", "")
        is_page = response.headers["content-type"].startswith("text/html") and not is_saved
        if is_page and len(seen) < 90:
            reader = _Reader()
            reader.feed(response.text)
            queue += reader.links
    assert len(seen) > 120


@pytest.mark.parametrize(
    "path", ["/image-sets/weipin", "/datasets/weipin@1", "/runs/1", "/grids/2", "/grids/2/cells/9"]
)
def test_what_users_wrote_is_escaped(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert "<script>document" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;document" in text or "&lt;b&gt;loss" in text


def test_the_history_of_captions_names_their_authors_escaped(client: TestClient) -> None:
    image = client.get("/api/v1/image-sets/weipin/images?limit=1").json()["items"][0]
    text = client.get(f"/images/{image['sha256']}").text
    assert "&lt;b&gt;mallory&lt;/b&gt;" in text
    assert text.index("&lt;script&gt;") < text.rindex("lsbr, flawed, spot")


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/", "sdxl-reg ingest products/"),
        ("/image-sets", "sdxl-reg ingest products/"),
        ("/datasets", "sdxl-reg dataset freeze weipin"),
        ("/artifacts", "sdxl-reg train lora --dataset weipin"),
        ("/grids", "sdxl-reg grid weipin-lora"),
        ("/generations", "sdxl-reg generate &#34;a red mug on a white background&#34;"),
        ("/runs", "sdxl-reg train lora --dataset weipin"),
    ],
)
def test_an_empty_registry_says_what_to_type(
    empty_client: TestClient, path: str, command: str
) -> None:
    assert f"<code>{command}</code>" in empty_client.get(path).text


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/runs/99",
        "/grids/x",
        "/grids/9/vote",
        "/grids/1?metric=beauty",
        "/generations/9",
        "/lineage/a@b@c",
    ],
)
def test_an_error_is_a_page_with_a_remedy(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (404, 422)
    assert response.headers["content-type"].startswith("text/html")
    assert 'class="remedy"' in response.text


@pytest.mark.parametrize("path", ["/", "/api/v1/artifacts", "/nothing", "/static/style.css"])
def test_every_answer_forbids_sniffing_framing_and_foreign_code(
    client: TestClient, path: str
) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_a_server_for_this_machine_answers_to_its_own_names_only(registry: Registry) -> None:
    app = create_app(registry, hosts=("localhost", "127.0.0.1", "[::1]"))
    for address in ("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"):
        assert TestClient(app, base_url=address).get("/health").status_code == 200
    foreign = TestClient(app, base_url="http://rebound.example").get("/api/v1/artifacts")
    assert foreign.status_code == 400


def test_spans_are_told_for_people() -> None:
    assert [span_words(s) for s in (0.42, 42, 125, 3_700)] == [
        "0.4 s",
        "42 s",
        "2 min 5 s",
        "1 h 1 min",
    ]


def test_code_in_descriptions_is_set_as_code_and_escaped() -> None:
    assert with_code("give `<b>` back") == "give <code>&lt;b&gt;</code> back"
