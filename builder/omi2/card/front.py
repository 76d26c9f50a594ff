"""The card's YAML front matter and the release's Croissant file.

The front matter names the files of every split and config outright, so that nothing is guessed from
file names; rows and bytes are exact (bytes as `datasets` counts them: Arrow's, not the file's).
Croissant (mlcommons.org/croissant, version 1.0) says the same for crawlers and `mlcroissant`.

Not covered: the column `overlap` in Croissant, as `mlcroissant` reads no nested Parquet; and the
version. A release learns it when `omi2-hub` publishes it, which names it in the YAML and as a tag.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from omi2 import rows

LANGUAGE = "en"
TASKS = ("question-answering", "text-generation")
TAGS = ("math", "synthetic", "reasoning", "omi2")
SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
"""The Hub's words for a number of rows."""


class _Plain(yaml.SafeDumper):
    """YAML without anchors: people and simple parsers read this."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def configs(facts: Mapping[str, Any]) -> dict[str, str]:
    """The configs of one size each, and the split that each holds."""
    return {n.removeprefix("train_"): n for n in facts["splits"] if n.startswith("train_")}


def front_matter(facts: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """The card's YAML: licence, configs with their files, features and sizes."""
    splits = facts["splits"]
    listed: list[dict[str, Any]] = [
        {
            "config_name": "default",
            "default": True,
            "data_files": [{"split": n, "path": s["files"]} for n, s in splits.items()],
        }
    ]
    infos = [_info("default", facts, numbers, {name: name for name in splits})]
    for config, split in configs(facts).items():
        files = [{"split": "train", "path": splits[split]["files"]}]
        listed.append({"config_name": config, "data_files": files})
        infos.append(_info(config, facts, numbers, {"train": split}))
    return yaml.dump(
        {
            "license": facts["licence"],
            "language": [LANGUAGE],
            "task_categories": list(TASKS),
            "size_categories": [size(facts["rows"])],
            "tags": list(TAGS),
            "pretty_name": f"omi2 {facts['name']}",
            "made_with": f"omi2 {facts['versions']['omi2']}",
            "configs": listed,
            "dataset_info": infos,
        },
        Dumper=_Plain,
        sort_keys=False,
        allow_unicode=True,
    )


def arrow_bytes(
    numbers: Mapping[str, Any], files: Sequence[str], columns: Sequence[str] = rows.ROWS.names
) -> int:
    """What `datasets` writes to disk for these files, a file named twice being written twice."""
    return sum(numbers["files"][file]["arrow"][column] for file in files for column in columns)


def download(numbers: Mapping[str, Any], files: Sequence[str]) -> int:
    """The bytes of these Parquet files, each once."""
    return sum(numbers["files"][name]["bytes"] for name in set(files))


def stored(numbers: Mapping[str, Any], files: Sequence[str], columns: Sequence[str]) -> int:
    """What a reader of Parquet reads of these files, each once, for these columns alone."""
    return sum(
        numbers["files"][file]["stored"][column] for file in set(files) for column in columns
    )


def size(count: int) -> str:
    """The Hub's word for a number of rows."""
    return next((word for bound, word in SIZES if count < bound), "n>1T")


def _info(
    config: str, facts: Mapping[str, Any], numbers: Mapping[str, Any], splits: Mapping[str, str]
) -> dict[str, Any]:
    found = {name: facts["splits"][split] for name, split in splits.items()}
    sized = {name: arrow_bytes(numbers, s["files"]) for name, s in found.items()}
    return {
        "config_name": config,
        "features": [_feature(field) for field in rows.ROWS],
        "splits": [
            {"name": n, "num_bytes": sized[n], "num_examples": s["rows"]} for n, s in found.items()
        ],
        "download_size": download(numbers, [f for s in found.values() for f in s["files"]]),
        "dataset_size": sum(sized.values()),
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    """A column as the Hub's YAML names it."""
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_feature(inner) for inner in field.type]}
    kind = {"float": "float32", "double": "float64"}.get(str(field.type), str(field.type))
    return {"name": field.name, "dtype": kind}


def croissant(
    facts: Mapping[str, Any],
    numbers: Mapping[str, Any],
    description: str,
    columns: Mapping[str, str],
) -> dict[str, Any]:
    """The release as a Croissant 1.0 document; `columns` are what each column means."""
    record = "rows"
    shards = numbers["files"]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"omi2 {facts['name']}",
        "description": description,
        "license": _LICENCES.get(facts["licence"], facts["licence"]),
        "inLanguage": LANGUAGE,
        "keywords": list(TAGS),
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "contentSize": f"{shards[name]['bytes']} B",
                "sha256": shards[name]["sha256"],
                "encodingFormat": "application/x-parquet",
            }
            for name in shards
        ]
        + [
            {
                "@type": "cr:FileSet",
                "@id": "shards",
                "name": "shards",
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": record,
                "name": record,
                "description": f"{facts['rows']:,} rows",
                "field": [
                    _field(record, column, columns)
                    for column in rows.ROWS
                    if not pa.types.is_struct(column.type)
                ],
            }
        ],
    }


def _field(record: str, column: pa.Field, columns: Mapping[str, str]) -> dict[str, Any]:
    kind = "sc:Text" if pa.types.is_string(column.type) else (
        "sc:Float" if pa.types.is_floating(column.type) else "sc:Integer"
    )  # fmt: skip
    return {
        "@type": "cr:Field",
        "@id": f"{record}/{column.name}",
        "name": column.name,
        "description": columns[column.name],
        "dataType": kind,
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": column.name}},
    }


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject",
            "fileProperty", "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key",
            "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
            "samplingRate", "separator", "source", "subField", "transform",
        )
    },
}  # fmt: skip
"""The names of Croissant 1.0, as its specification lists them."""
_LICENCES = {"cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/"}
