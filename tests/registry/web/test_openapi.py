"""The OpenAPI document: complete, and true of what is answered."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.web.schemas.base import Problem


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, operation) for path, item in document["paths"].items() for operation in item.values()
    ]


def _reading(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, item["get"]) for path, item in document["paths"].items() if "get" in item]


def _success(operation: dict[str, Any]) -> dict[str, Any]:
    """The answer of an operation that went well: 200, 201 or 202."""
    found = [said for status, said in operation["responses"].items() if status[0] == "2"]
    answer: dict[str, Any] = found[-1]  # the same document whether something was made or not
    return answer


WRITING = {
    "/api/v1/me/password",
    "/api/v1/projects/{project}/roles",
    "/api/v1/tokens",
    "/api/v1/tokens/{number}/revoke",
    "/api/v1/users",
    "/api/v1/users/{name}",
    "/api/v1/artifacts/{name}/versions/{which}/yank",
    "/api/v1/artifacts/{name}/versions/{which}/unyank",
    "/api/v1/artifacts/{name}/aliases/{alias}",
    "/api/v1/artifacts/{name}/versions",
    "/api/v1/uploads",
    "/api/v1/uploads/{key}",
    "/api/v1/ingests",
    "/api/v1/ingests/{ingest}",
    "/api/v1/ingests/{ingest}/files",
    "/api/v1/ingests/{ingest}/content",
    "/api/v1/ingests/{ingest}/plan",
    "/api/v1/ingests/{ingest}/commit",
    "/api/v1/datasets",
    "/api/v1/generations",
    "/api/v1/generations/{generation_id}/resume",
    "/api/v1/grids",
    "/api/v1/grid-plans",
    "/api/v1/grids/{grid_id}/pick",
    "/api/v1/grids/{grid_id}/resume",
    "/api/v1/grids/{grid_id}/votes",
    "/api/v1/artifacts/{name}/versions/yank",
    "/api/v1/image-sets/{name}/captions",
    "/api/v1/image-sets/{name}/crops",
    "/api/v1/image-sets/{name}/crops/clear",
    "/api/v1/image-sets/{name}/background",
    "/api/v1/captions/{caption_id}/revert",
    "/api/v1/image-sets/{name}/tags/items",
    "/api/v1/image-sets/{name}/captions/replace",
    "/api/v1/image-sets/{name}/captions/template",
    "/api/v1/image-sets/{name}/captions/words",
    "/api/v1/image-sets/{name}/tags",
    "/api/v1/image-sets/{name}/tags/tree",
    "/api/v1/image-sets/{name}/undo",
    "/api/v1/members/{member}/caption",
    "/api/v1/members/{member}/crop",
    "/api/v1/storage/check",
    "/api/v1/storage/collect",
    "/api/v1/runs",
    "/api/v1/runs/{run_id}/cancel",
    "/api/v1/runs/{run_id}/resume",
}


def test_only_these_write(document: dict[str, Any]) -> None:
    verbs = {(path, verb) for path, item in document["paths"].items() for verb in item}
    assert {path for path, verb in verbs if verb not in ("get", "head")} == WRITING
    others = {(path, verb) for path, verb in verbs if verb not in ("get", "post")}
    assert others == {
        ("/api/v1/artifacts/{name}/aliases/{alias}", "put"),
        ("/api/v1/blobs/{sha256}", "head"),
        ("/api/v1/ingests/{ingest}", "delete"),
        ("/api/v1/ingests/{ingest}/content", "patch"),
        ("/api/v1/ingests/{ingest}/files", "put"),
        ("/api/v1/uploads/{key}", "patch"),
        ("/api/v1/uploads/{key}", "put"),
        ("/api/v1/uploads/{key}", "delete"),
    }


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
    identifiers = [operation["operationId"] for _, operation in _operations(document)]
    assert len(set(identifiers)) == len(identifiers)


def test_every_answer_and_every_problem_has_a_schema(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        said = _success(operation)
        is_bare = "204" in operation["responses"] or "head" in operation["operationId"]
        answers = said.get("content", {})
        assert bool(answers) != is_bare, path
        if "application/json" in answers:
            assert answers["application/json"]["schema"], path
        if path.startswith("/api/"):
            assert list(operation["responses"]["4XX"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_a_problem_is_what_its_schema_says(client: TestClient) -> None:
    Problem.model_validate(client.get("/api/v1/runs/x?limit=0").json())
    Problem.model_validate(client.get("/api/v1/nothing").json())


ANSWERS = {
    "/health": "/health",
    "/ready": "/ready",
    "/api/v1/image-sets": "/api/v1/image-sets",
    "/api/v1/image-sets/{name}": "/api/v1/image-sets/weipin",
    "/api/v1/image-sets/{name}/images": "/api/v1/image-sets/weipin/images",
    "/api/v1/image-sets/{name}/changes": "/api/v1/image-sets/weipin/changes",
    "/api/v1/image-sets/{name}/report/quality": "/api/v1/image-sets/weipin/report/quality",
    "/api/v1/image-sets/{name}/report/balance": "/api/v1/image-sets/weipin/report/balance",
    "/api/v1/image-sets/{name}/report/likeness": "/api/v1/image-sets/weipin/report/likeness",
    "/api/v1/image-sets/{name}/report/captions": "/api/v1/image-sets/weipin/report/captions",
    "/api/v1/tags": "/api/v1/tags",
    "/api/v1/storage": "/api/v1/storage",
    "/api/v1/datasets": "/api/v1/datasets",
    "/api/v1/datasets/{ref}": "/api/v1/datasets/weipin",
    "/api/v1/datasets/{ref}/entries": "/api/v1/datasets/weipin/entries",
    "/api/v1/datasets/{ref}/diff": "/api/v1/datasets/weipin/diff?before=weipin@1",
    "/api/v1/artifacts": "/api/v1/artifacts",
    "/api/v1/artifacts/{name}": "/api/v1/artifacts/weipin-lora",
    "/api/v1/artifacts/{name}/versions": "/api/v1/artifacts/weipin-lora/versions?limit=2",
    "/api/v1/artifacts/{name}/versions/{which}": "/api/v1/artifacts/weipin-lora/versions/1",
    "/api/v1/artifacts/{name}/versions/{which}/diff": (
        "/api/v1/artifacts/weipin-lora/versions/2/diff"
    ),
    "/api/v1/artifacts/{name}/aliases/{alias}": "/api/v1/artifacts/weipin-lora/aliases/best",
    "/api/v1/members/{member}": "/api/v1/members/1",
    "/api/v1/runs": "/api/v1/runs",
    "/api/v1/runs/{run_id}": "/api/v1/runs/1",
    "/api/v1/grids": "/api/v1/grids",
    "/api/v1/grids/{grid_id}": "/api/v1/grids/1",
    "/api/v1/grids/{grid_id}/progress": "/api/v1/grids/2/progress",
    "/api/v1/grids/{grid_id}/export/{kind}": "/api/v1/grids/1/export/json",
    "/api/v1/grids/{grid_id}/cells": "/api/v1/grids/1/cells?limit=2",
    "/api/v1/grids/{grid_id}/cells/{position}": "/api/v1/grids/1/cells/0",
    "/api/v1/grids/{grid_id}/votes": "/api/v1/grids/1/votes",
    "/api/v1/grids/{grid_id}/votes/next": "/api/v1/grids/1/votes/next",
    "/api/v1/generations": "/api/v1/generations",
    "/api/v1/generations/{generation_id}": "/api/v1/generations/1",
    "/api/v1/lineage/{ref}": "/api/v1/lineage/weipin-lora?limit=2",
    "/api/v1/lineage/{ref}/neighbours": "/api/v1/lineage/weipin/neighbours?direction=up&limit=3",
    "/api/v1/me": "/api/v1/me",
    "/api/v1/projects": "/api/v1/projects",
    "/api/v1/projects/{project}/roles": "/api/v1/projects/main/roles",
    "/api/v1/trainers": "/api/v1/trainers",
    "/api/v1/trainers/{name}": "/api/v1/trainers/lora",
}


@pytest.mark.parametrize(("path", "address"), ANSWERS.items())
def test_an_answer_has_the_keys_and_types_of_its_schema(
    client: TestClient, document: dict[str, Any], path: str, address: str
) -> None:
    operation = document["paths"][path]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(_faults(client.get(address).json(), schema, document, "$")) == []


def _faults(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str) -> list[str]:
    """Where a value is not as its schema says: the part of JSON Schema that our documents use."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _faults(value, document["components"]["schemas"][name], document, at)
    if "anyOf" in schema:
        options = [_faults(value, option, document, at) for option in schema["anyOf"]]
        return [] if [] in options else options[0]
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    kind = schema.get("type")
    if kind is not None and not isinstance(value, kinds[kind]):
        return [f"{at}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    found: list[str] = []
    if isinstance(value, dict):
        found += [
            f"{at}.{key} is missing" for key in schema.get("required", []) if key not in value
        ]
        known = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for key, part in value.items():
            if key in known:
                found += _faults(part, known[key], document, f"{at}.{key}")
            elif more is False:
                found.append(f"{at}.{key} is not described")
            elif isinstance(more, dict):
                found += _faults(part, more, document, f"{at}.{key}")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for number, part in enumerate(value):
            found += _faults(part, schema["items"], document, f"{at}[{number}]")
    return found


def test_every_json_answer_of_the_document_is_tried(document: dict[str, Any]) -> None:
    answers = {
        path
        for path, operation in _reading(document)
        if "application/json" in operation["responses"]["200"]["content"]
    }
    assert answers - set(ANSWERS) == {
        "/api/v1/images/{sha256}",
        "/api/v1/images/{sha256}/neighbours",
        "/api/v1/ingests",  # where something is sent: test_ingests, test_uploads
        "/api/v1/ingests/{ingest}",
        "/api/v1/ingests/{ingest}/missing",
        "/api/v1/uploads",
        "/api/v1/uploads/{key}",
        "/api/v1/users",  # these where there are users: test_access
        "/api/v1/tokens",
        "/api/v1/events",
    }
