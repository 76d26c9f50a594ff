"""Which benchmarks of a release were compared by hashes alone, by its manifest.

Each benchmark that the manifest claims must have been compared by its texts, and so must the
standard ones, whatever the manifest claims: the builder counts how many of their items were among
the texts it read (`decontamination.standard`), so that no small file can stand for one. What the
manifest does not say, or says in another shape, counts as not compared.
"""

from collections.abc import Mapping
from typing import Any

from omi2_hub.text import brief, plain


def bare(about: Mapping[str, Any]) -> list[str]:
    """The benchmarks that were not compared by their texts, each with what was."""
    from omi2.overlap.benchmarks import covered, standard

    found: dict[str, str] = {}
    listed = about.get("benchmarks")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        items, texts = _count(one.get("items")), _count(one.get("with_texts"))
        if one.get("texts") is not True or not covered(items, texts):
            found[plain(str(one.get("name")))[:80]] = f"texts of {texts:,} of {items:,} items"
    told = about.get("standard")
    for name, items in standard().items():
        one = told.get(name) if isinstance(told, dict) else None
        texts = _count(one.get("with_texts")) if isinstance(one, dict) else 0
        if not covered(items, texts):
            found[name] = f"texts of {brief(texts)} of {items:,} items"
    return [f"{name} ({why})" for name, why in found.items()]


def _count(value: Any) -> int:
    """A whole number, or 0: a true is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
