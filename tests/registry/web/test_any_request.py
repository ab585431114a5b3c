"""Whatever is sent, the API answers as its OpenAPI document says, and never with a 5xx.

Schemathesis makes the requests from the document: valid ones, and ones wrong in every way it knows.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
        "unsupported_method",
    ]
)
LEFT_OUT = "generations$|resume$|password$|revoke$|run_id}/events$"
"""They start work, shut the caller out, or go on for as long as a run does."""
HOOKS = """
import schemathesis
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
schemathesis.serializer.alias("application/x-tar", "application/octet-stream")
"""


@pytest.mark.slow
def test_every_answer_is_declared_and_none_is_a_5xx(own_registry: Registry, tmp_path: Path) -> None:
    with transaction(own_registry.engine) as session:
        admin = add_user(session, "anna", is_admin=True)
        secret = issue_token(session, admin, "test", role=Role.ADMIN).secret
    (tmp_path / "hooks.py").write_text(HOOKS)
    with serving(own_registry) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
                *("--header", f"Authorization: Bearer {secret}", "--seed", "1"),
                *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
                *("--max-examples", "8", "--exclude-path-regex", LEFT_OUT),
                *("--request-timeout", "60"),  # seconds; other tests share the machine
            ],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=1800,
        )
    told = done.stdout[-8000:]
    assert done.returncode == 0, told
    counts = re.search(r"(\d+) generated, (\d+) passed", told)
    assert counts is not None, told
    assert counts[1] == counts[2]
    assert int(counts[1]) > 1000
