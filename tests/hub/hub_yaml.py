"""What the Hub's validate-yaml refuses of a dataset card's front matter, as far as its docs say it.

Of the names that the Hub keeps a list of, here are those that a card of ours may use; keys that it
does not know pass. Sources: huggingface.co/docs/hub/datasets-cards, datasetcard.md of
huggingface/hub-docs, and the docstring of huggingface_hub's DatasetCardData.
"""

import re
from typing import Any

import yaml

LISTED = {
    "license": {"cc-by-4.0", "cc0-1.0", "apache-2.0", "mit", "other", "unknown"},
    "task_categories": {"question-answering", "text-generation", "text-classification", "other"},
    "size_categories": {"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"},
}
TEXTS = ("pretty_name", "version", "made_with")


class Strict(yaml.SafeLoader):
    """YAML as the Hub reads it: a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.YAMLError(f"duplicated mapping key {twice[0]}")
        return super().construct_mapping(node, deep)


def errors(card: str) -> tuple[list[str], list[str]]:
    """Errors and warnings of a card."""
    found = re.match(r"---\r?\n(.*?)\n---", card, re.DOTALL)
    try:
        meta = yaml.load(found.group(1), Strict) if found else None  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [str(error)], []
    if not isinstance(meta, dict):
        return [], ["empty or missing yaml metadata"]
    said = []
    for key, known in LISTED.items():
        values = meta.get(key, [])
        for value in values if isinstance(values, list) else [values]:
            if value not in known:
                said.append(f'"{key}" must be one of {sorted(known)}: {value!r}')
    for language in meta.get("language", []):
        if not re.fullmatch(r"[a-z]{2,3}", str(language)):
            said.append(f'"language" must be ISO 639: {language!r}')
    said += [f'"{key}" must be a string' for key in TEXTS if not isinstance(meta.get(key, ""), str)]
    for key, inner in (("configs", "data_files"), ("dataset_info", "splits")):
        for entry in meta.get(key, []):
            if not isinstance(entry.get("config_name"), str) or not entry.get(inner):
                said.append(f'"{key}" wants config_name and {inner}')
    return said, []
