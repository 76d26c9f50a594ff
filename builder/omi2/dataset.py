"""A release as a `datasets` builder, for Python users who want to know what they read.

    from omi2.dataset import Omi2
    builder = Omi2("omi2", size="1M")        # the folder of a release
    builder.download_and_prepare()
    train = builder.as_dataset(split="train")

`load_dataset("omi2")` reads the same files without this class (scripts are refused since datasets
4.0). What this adds: every shard's sha256 is checked against the manifest before its rows are
taken, the features come from `omi2.rows`, and the cache is named by the manifest, so that a rebuilt
release never reads a stale one.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.builder import Key

from omi2 import rows
from omi2.errors import Omi2Error, UsageError
from omi2.files import describe, read_json


@dataclass
class ReleaseConfig(datasets.BuilderConfig):  # type: ignore[misc]
    """Which release, and how much of it: `size` is "" for every split, or one such as "1M"."""

    release: str = ""
    size: str = ""


class Omi2(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """The builder of one release folder. Raises UsageError where the folder holds none."""

    BUILDER_CONFIG_CLASS = ReleaseConfig

    def __init__(self, release: str | Path = "omi2", size: str = "", **options: Any) -> None:
        manifest = Path(release) / "manifest.json"
        self.manifest = read_json(manifest)
        if not isinstance(self.manifest, dict) or self.manifest.get("omi2") != "release":
            raise UsageError(f"{release} holds no omi2 release: there is no manifest.json of ours")
        if size and f"train_{size}" not in self.manifest["splits"]:
            sizes = [n.removeprefix("train_") for n in self.manifest["splits"] if n != "train"]
            raise UsageError(f"no size {size!r}: the release has {', '.join(sizes)}")
        digest = hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()
        super().__init__(
            dataset_name="omi2",
            config_name=size or "default",
            config_id=f"{size or 'default'}-{digest[:16]}",
            release=str(release),
            size=size,
            **options,
        )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description=f"omi2 {self.manifest['name']}, {self.manifest['rows']:,} rows",
            features=datasets.Features.from_arrow_schema(rows.ROWS),
            license=self.manifest["licence"],
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        splits = self.manifest["splits"]
        size = self.config.size
        chosen = {"train": f"train_{size}"} if size else {name: name for name in splits}
        folder = Path(self.config.release)
        for name in sorted({name for split in chosen.values() for name in splits[split]["files"]}):
            path = folder / name
            if not path.is_file() or describe(path) != self.manifest["files"][name]:
                raise Omi2Error(
                    f"{path} is not the file that the manifest names (size or sha256 differ): "
                    "download or build the release again"
                )
        return [
            datasets.SplitGenerator(
                name=name, gen_kwargs={"files": [folder / file for file in splits[split]["files"]]}
            )
            for name, split in chosen.items()
        ]

    def _generate_tables(self, files: list[Path]) -> Iterator[tuple[Key, pa.Table]]:
        for at, path in enumerate(files):
            with pq.ParquetFile(path) as shard:
                for number, batch in enumerate(shard.iter_batches(batch_size=10_000)):
                    yield Key(at, number), pa.Table.from_batches([batch]).cast(rows.ROWS)
