"""The budget of pixels."""

import threading
import time

from sdxl_reg.imaging.budget import PixelBudget


def test_no_more_than_the_budget_is_held_at_once() -> None:
    budget, lock = PixelBudget(100), threading.Lock()
    held, most = 0, 0

    def hold() -> None:
        nonlocal held, most
        for _ in range(20):
            with budget.spent(40):
                with lock:
                    held += 40
                    most = max(most, held)
                time.sleep(0.001)
                with lock:
                    held -= 40

    threads = [threading.Thread(target=hold) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 80


def test_what_is_larger_than_the_budget_waits_until_it_is_alone() -> None:
    budget = PixelBudget(100)
    order: list[str] = []

    def huge() -> None:
        with budget.spent(10_000):
            order.append("huge")

    with budget.spent(1):
        thread = threading.Thread(target=huge)
        thread.start()
        time.sleep(0.05)
        order.append("small")
    thread.join()
    assert order == ["small", "huge"]
