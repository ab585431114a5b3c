import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

import pytest

from sdxl_reg import plugins
from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.trainers import discovery
from sdxl_reg.trainers.discovery import all_trainers, find_trainer, trainer_names
from sdxl_reg.vocabulary import ArtifactKind


def test_our_trainer_comes_through_the_door_of_the_entry_points() -> None:
    assert "lora" in trainer_names()
    trainer = find_trainer("lora")
    assert (trainer.name, trainer.kind) == ("lora", ArtifactKind.LORA)


def test_a_trainer_that_does_not_exist_comes_with_near_names() -> None:
    with pytest.raises(UnknownName, match=r"'loar'.*Did you mean 'lora'\?"):
        find_trainer("loar")


@pytest.fixture
def broken_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's plugin is registered beside ours, and its import fails."""
    stranger = EntryPoint("stranger", "no_such_package:plugin", discovery.GROUP)

    def listed(**choice: Any) -> EntryPoints:
        mine = EntryPoints([*entry_points(group=discovery.GROUP), stranger])
        return mine.select(**choice)

    monkeypatch.setattr(plugins, "entry_points", listed)


@pytest.mark.usefixtures("broken_neighbour")
def test_a_broken_plugin_is_listed_with_its_reason_and_stops_nothing() -> None:
    working, broken = all_trainers()
    assert "lora" in [trainer.name for trainer in working]
    assert [trainer.name for trainer in broken] == ["stranger"]
    assert "no_such_package" in broken[0].reason
    assert find_trainer("lora").name == "lora"


@pytest.mark.usefixtures("broken_neighbour")
def test_a_broken_plugin_that_is_asked_for_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="Repair or uninstall"):
        find_trainer("stranger")


def test_listing_names_imports_no_plugin_and_loading_one_no_torch() -> None:
    program = (
        "import sys; from sdxl_reg.trainers.discovery import find_trainer, trainer_names\n"
        "assert 'lora' in trainer_names() and 'sdxl_reg_lora' not in sys.modules\n"
        "find_trainer('lora')\n"
        "assert 'sdxl_reg_lora' in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
