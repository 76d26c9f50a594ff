"""A value against a schema of TGI's OpenAPI document, as far as that document goes.

The document lies in ../shared beside a checkout and is not ours to ship; without it nothing is
checked here. Covered: type, nullable, required, $ref, allOf, oneOf, enum, bounds, items; a property
that no part of the schema knows is a difference too.
"""

import functools
import json
from typing import Any

from conftest import ROOT

DOCUMENT = ROOT.parent / "shared" / "reference" / "tgi-openapi.json"
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
    "number": (int, float),
}  # fmt: skip


@functools.cache
def schemas() -> dict[str, Any]:
    """The document's schemas, or nothing."""
    if not DOCUMENT.is_file():
        return {}
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    return found


def violations(name: str, value: Any) -> list[str]:
    """What is wrong with a value that should be of this schema."""
    return _wrong(schemas()[name], value, name) if schemas() else []


def _wrong(schema: dict[str, Any], value: Any, at: str) -> list[str]:
    """What is wrong with a value, and which of its properties nobody knows."""
    known = _known(schema) if isinstance(value, dict) else set()
    unknown = [f"{at} has no {key}" for key in value if key not in known] if known else []
    return unknown + _against(schema, value, at)


def _known(schema: dict[str, Any]) -> set[str]:
    """The properties that a schema or any part of it names."""
    if "$ref" in schema:
        return _known(_referred(schema))
    parts = schema.get("allOf", []) + schema.get("oneOf", [])
    return set(schema.get("properties", ())).union(*map(_known, parts))


def _referred(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas()[schema["$ref"].rpartition("/")[2]]
    return found


def _against(schema: dict[str, Any], value: Any, at: str) -> list[str]:
    if "$ref" in schema:
        return _against(_referred(schema), value, at)
    if value is None and schema.get("nullable"):
        return []
    if "allOf" in schema:
        return [w for inner in schema["allOf"] for w in _against(inner, value, at)]
    if "oneOf" in schema:
        return min((_against(inner, value, at) for inner in schema["oneOf"]), key=len)
    kind = schema.get("type")
    if kind in TYPES and (
        not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        return [f"{at} is {value!r}: no {kind}"]
    wrong = []
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{at} is {value!r}: none of {schema['enum']}")
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
        wrong.append(f"{at} is {value!r}: not above {schema['exclusiveMinimum']}")
    if "minimum" in schema and not value >= schema["minimum"]:
        wrong.append(f"{at} is {value!r}: below {schema['minimum']}")
    if "maximum" in schema and not value <= schema["maximum"]:
        wrong.append(f"{at} is {value!r}: above {schema['maximum']}")
    if kind == "array":
        if len(value) > schema.get("maxItems", len(value)):
            wrong.append(f"{at} has {len(value)} items")
        wrong += [w for i, v in enumerate(value) for w in _wrong(schema["items"], v, f"{at}[{i}]")]
    if kind == "object":
        inner = schema.get("properties", {})
        wrong += [f"{at} lacks {key}" for key in schema.get("required", ()) if key not in value]
        wrong += [
            w for k, v in value.items() if k in inner for w in _wrong(inner[k], v, f"{at}.{k}")
        ]
    return wrong
