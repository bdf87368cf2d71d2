"""Checks every body the sandbox sends against the reconstructed OpenAPI document."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator

DESCRIPTION = Path(__file__).parents[1] / "openapi.yaml"
# Calls no public source describes; the sandbox has them behind a switch.
UNDESCRIBED = {("getDocumentation", 200): "Documentation"}


@lru_cache(maxsize=1)
def _described() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = DESCRIPTION.read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - safe
    return found


@lru_cache(maxsize=1)
def described_operations() -> dict[str, dict[str, Any]]:
    """Every operation of the document by its operationId."""
    return {
        operation["operationId"]: {**operation, "method": method.upper(), "path": path}
        for path, operations in _described()["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post", "put", "delete")
    }


def _reference(operation: str, status: int) -> dict[str, Any]:
    name = UNDESCRIBED.get((operation, status))
    if name is not None:
        return {"$ref": f"#/components/schemas/{name}"}
    if status >= 400:
        return {"$ref": "#/components/schemas/Error"}
    described = described_operations()[operation]["responses"][str(status)]
    found: dict[str, Any] = described["content"]["application/json"]["schema"]
    return found


@lru_cache(maxsize=256)
def _validator(operation: str, status: int) -> OAS31Validator:
    components = _described()["components"]
    return OAS31Validator({**_reference(operation, status), "components": components})


def check(operation: str, status: int, body: object) -> None:
    """Fail if the body of an answer does not fit what is known of the operation."""
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in _validator(operation, status).iter_errors(body)
    ]
    assert not found, f"{operation} {status}: {found}"
