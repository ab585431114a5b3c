"""A real server and a tab of Debian's chromium, for the tests of pages as people see them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, sync_playwright

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.serving import Server
from sdxl_reg_cli.serve import address_of, listening

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def serving(registry: Registry) -> Iterator[str]:
    """Serve a registry; gives the address, without a slash at the end."""
    with listening("127.0.0.1", 0) as bound:
        app = create_app(registry)
        server = Server(app, uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield address_of(bound).rstrip("/")
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server was asked to end, and goes on"


@contextmanager
def tab(complaints: list[str]) -> Iterator[Page]:
    """One tab whose complaints are collected; without chromium, the test skips."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1320, "height": 900})
        page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.extend(_failed(request.url)))
        yield page
        browser.close()


def _failed(url: str) -> list[str]:
    """What is to complain about; a page that is left while it listens leaves its stream."""
    return [] if url.endswith("/events") else [f"failed: {url}"]
