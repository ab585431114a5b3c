"""Every page of a registry that has users and Chinese names, opened by its admin."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Page

from sdxl_reg.catalog.access.credentials import issue_token, sign_in
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.identity import COOKIE
from tests.registry.web.addresses import filled, page_templates, values_of
from tests.registry.web.browser import serving

PASSWORD = "correct horse battery"
CHINESE = "微品"

TEMPLATES = sorted(set(page_templates()))
"""The address of every page; a new one is here by itself."""

MORE = (
    "/grids/2",  # half drawn, with a failure
    "/runs/3",  # waits, and renews itself
    f"/image-sets/{CHINESE}",
    f"/image-sets/{CHINESE}?tag=品牌/有瑕疵",
    "/image-sets/weipin?select=(",  # a fault in the form
    "/artifacts/weipin-lara",  # an error
)
"""Pages of the same routes that look otherwise."""


@dataclass(frozen=True, kw_only=True)
class OpenPages:
    """A server and a tab that has signed in to it."""

    address: str
    page: Page
    registry: Registry
    secret: str

    def open(self, template: str) -> None:
        """Show a page and wait until it stands still; the form to sign in needs a stranger."""
        self.page.context.clear_cookies()
        if template != "/login":
            host = str(urlsplit(self.address).hostname)
            cookie = {"name": COOKIE, "value": self.secret, "domain": host, "path": "/"}
            self.page.context.add_cookies([cookie])
        self.page.goto(self.address + filled(template, values_of(self.registry)))
        self.page.wait_for_load_state("networkidle")


@contextmanager
def open_pages(registry: Registry, page: Page) -> Iterator[OpenPages]:
    """Serve a registry with an admin, a reader, their tokens, and a set with Chinese names.

    Args:
        registry: Receives them.
        page: The tab.
    """
    _ingest_chinese(registry)
    with transaction(registry.engine) as session:
        boss = add_user(session, "anna", password=PASSWORD, is_admin=True)
        set_role(session, add_user(session, "ben"), "main", Role.READER)
        issue_token(session, boss, "WebUI in the studio", role=Role.READER)
        secret = sign_in(session, "anna", PASSWORD)
    with serving(registry) as address:
        yield OpenPages(address=address, page=page, registry=registry, secret=secret)


def _ingest_chinese(registry: Registry) -> None:
    root = registry.settings.home.parent / "chinese"
    for tag, colour in (("品牌/有瑕疵", "#b04030"), ("品牌/无瑕疵", "#3060b0")):
        folder = Path(root, CHINESE, tag)
        folder.mkdir(parents=True)
        for number in range(1, 4):
            picture = Image.new("RGB", (160, 120), colour)
            picture.paste("white", (20 * number, 30, 20 * number + 40, 80))
            picture.save(folder / f"图片{number}.png")
    ingest(registry.engine, registry.store, root)
