"""More readers at once than there are threads and connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import httpx
import pytest
import uvicorn

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg_cli.serve import address_of, listening

READERS = 100


@pytest.fixture
def address(registry: Registry) -> Iterator[str]:
    """Of a server of the example registry."""
    with listening("127.0.0.1", 0) as bound:
        server = uvicorn.Server(uvicorn.Config(create_app(registry), log_level="critical"))
        thread = Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield address_of(bound)
        server.should_exit = True
        thread.join()


def test_all_are_answered_though_sessions_outnumber_connections(address: str) -> None:
    def read(number: int) -> int:
        routes = ("artifacts/weipin-lora", "lineage/weipin-lora", "runs", "datasets/weipin")
        answers = [
            httpx.get(f"{address}api/v1/{routes[(number + turn) % 4]}", timeout=120)
            for turn in range(2)
        ]
        return max(answer.status_code for answer in answers)

    with ThreadPoolExecutor(READERS) as readers:
        assert set(readers.map(read, range(READERS))) == {200}
