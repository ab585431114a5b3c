"""Typing a command, as the tests of the command line do."""

import json
from typing import Any

import pytest

from sdxl_reg_cli.main import main


def run(*arguments: object) -> int:
    """The exit code of `sdxl-reg` with some arguments."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    code = ended.value.code
    assert isinstance(code, int)
    return code


def json_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What `sdxl-reg` answers with `--json`, where it succeeds."""
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)
