"""Every page for everybody: axe-core finds nothing, in light and dark, and on a narrow screen."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.open_pages import MORE, TEMPLATES, OpenPages, open_pages

pytestmark = pytest.mark.browser

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1320, "height": 900}


@pytest.fixture(scope="module")
def pages(own_registry: Registry, page: Page) -> Iterator[OpenPages]:
    """The pages, seen by an admin."""
    with open_pages(own_registry, page) as pages:
        yield pages


@pytest.mark.parametrize("template", [*TEMPLATES, *MORE])
def test_a_page_can_be_used_by_everybody(pages: OpenPages, template: str) -> None:
    pages.open(template)
    found = _violations(pages.page)
    pages.page.emulate_media(color_scheme="dark")
    found += [f"dark: {said}" for said in _violations(pages.page)]
    pages.page.emulate_media(color_scheme="light")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("template", [*TEMPLATES, *MORE])
def test_a_page_fits_a_narrow_screen(pages: OpenPages, template: str) -> None:
    pages.page.set_viewport_size(NARROW)
    pages.open(template)
    too_wide = pages.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found = _violations(pages.page)
    pages.page.set_viewport_size(WIDE)
    assert too_wide <= 0
    assert not found, "\n".join(found)


def _violations(page: Page) -> list[str]:
    """What axe-core complains of, whatever its impact: rule, element, and what to do."""
    said = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{rule['impact']} {rule['id']} {node['target']}: {node['failureSummary']}\n{node['html']}"
        for rule in said.response["violations"]
        for node in rule["nodes"][:3]
    ]
