"""Signing in, tokens and the administration as people use them, in Debian's chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry with an admin and a reader."""
    with transaction(own_registry.engine) as session:
        add_user(session, "anna", password=PASSWORD, is_admin=True)
        set_role(session, add_user(session, "ben", password=PASSWORD), "main", Role.READER)
    with serving(own_registry) as address:
        yield address


def _sign_in(page: Page, address: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/account")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


@pytest.mark.usefixtures("no_complaints")
def test_a_user_signs_in_makes_a_token_and_revokes_it(page: Page, address: str) -> None:
    _sign_in(page, address, "ben")
    page.get_by_label("What it is for").fill("WebUI")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("[data-secret] [data-value]")).to_contain_text("sdxlreg_")
    page.reload()
    expect(page.locator("[data-secret]")).to_be_hidden()
    page.get_by_role("button", name="Revoke WebUI").click()
    expect(page.get_by_role("cell", name="revoked")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{address}/login")
    assert page.locator("nav[aria-label='Main']").count() == 0


def test_a_reader_is_told_that_they_may_not(page: Page, address: str) -> None:
    _sign_in(page, address, "ben")
    assert page.get_by_role("link", name="Users").count() == 0
    page.goto(f"{address}/users")
    expect(page.locator("main")).to_contain_text("ben is no admin")
    page.goto(f"{address}/image-sets/weipin")
    page.locator(".gallery .pictures img").first.wait_for()


def test_an_admin_adds_a_user_gives_and_takes_a_role(page: Page, address: str) -> None:
    _sign_in(page, address, "anna")
    page.get_by_role("link", name="Users").click()
    adding = page.locator("form[data-post='/api/v1/users']")
    adding.get_by_label("Name").fill("emil")
    adding.get_by_label("Project").fill("packaging")
    adding.get_by_label("Role there").select_option("trainer")
    adding.get_by_role("button", name="Add").click()
    row = page.get_by_role("row").filter(has_text="emil")
    expect(row.first).to_contain_text("trainer in packaging")
    row.first.get_by_label("Role for emil").select_option("writer")
    row.first.get_by_role("button", name="Give").click()
    expect(row.first).to_contain_text("writer in main")
    page.get_by_role("button", name="Take trainer in packaging from emil").click()
    expect(row.first).not_to_contain_text("packaging")
    page.get_by_role("button", name="No admin: anna").click()
    expect(page.get_by_role("alert")).to_contain_text("anna is the only admin")


def test_an_admin_of_a_project_gives_and_takes_a_role_in_it(page: Page, address: str) -> None:
    _sign_in(page, address, "anna")
    page.get_by_role("link", name="Projects").click()
    page.get_by_label("User in main").fill("emil")
    page.get_by_label("Role in main").select_option("trainer")
    page.locator("form[data-post='/api/v1/projects/main/roles'].fields button").click()
    expect(page.locator("main")).to_contain_text("emil: trainer")
    page.get_by_role("button", name="Take trainer in main from emil").click()
    expect(page.locator("main")).not_to_contain_text("emil")


@pytest.mark.parametrize("path", ["/login", "/account", "/projects", "/users", "/log"])
@pytest.mark.parametrize("width", [390, 1320])
def test_nothing_stands_out_of_the_page(page: Page, address: str, path: str, width: int) -> None:
    if path != "/login":
        _sign_in(page, address, "anna")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1320, "height": 900})
