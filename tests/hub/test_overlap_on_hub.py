"""`omi2 overlap` on a data set of the Hub: at its revision, over real HTTP, by its own ids."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from .conftest import Said
from .local_hub import Hub

ITEM = "one day ulla packs 12 green bottles into wooden crates that hold 40 kilos of glass"
OTHER = "Rasmus paints a fence of 90 boards, and 7 boards need a pot. How many pots does he buy?"
UPLOAD = """
from huggingface_hub import HfApi
HfApi().create_repo({repo!r}, repo_type="dataset", exist_ok=True)
print(HfApi().upload_file(path_or_fileobj={file!r}, path_in_repo="data/train-00000.parquet",
                          repo_id={repo!r}, repo_type="dataset").oid)
"""
OVERLAP = """
import sys
from omi2.__main__ import main
sys.argv = ["omi2", "overlap", *{arguments!r}]
sys.exit(main())
"""


def test_a_data_set_is_read_at_its_revision(
    python: Callable[[str], Said], hub: Hub, repo: str, tmp_path: Path
) -> None:
    def overlap(what: str) -> Said:
        out = str(tmp_path / "found.parquet")
        against = str(tmp_path / "bench.parquet")
        return python(OVERLAP.format(arguments=[what, "--against", against, "--out", out]))

    def upload(*problems: str) -> str:
        file = tmp_path / "up.parquet"
        pq.write_table(pa.table({"id": range(len(problems)), "problem": problems}), file)
        said = python(UPLOAD.format(repo=repo, file=str(file)))
        assert said.code == 0, said.err
        return said.out.split()[-1]

    pq.write_table(pa.table({"id": ["a"], "problem": [ITEM]}), tmp_path / "bench.parquet")
    leaky, clean = upload(ITEM, OTHER), upload(OTHER)
    found = overlap(f"{repo}@{leaky}")
    assert found.code == 1, found.err
    assert found.out.splitlines()[0].split("\t")[:3] == ["0", "0", "exact"]  # an id, though it is 0
    assert pl.read_parquet(tmp_path / "found.parquet")["id"].to_list() == ["0"]
    for what in (f"{repo}@{clean}", repo):
        assert not overlap(what).code
    gone = overlap(f"{repo}@{'0' * 40}")
    assert gone.code not in (0, 1)
    assert "cannot be loaded from the Hub" in gone.err
    assert "Traceback" not in gone.err
