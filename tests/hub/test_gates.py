"""Every gate, on a release that passes and on each way of failing it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omi2 import rows
from omi2_hub import gates, release, versions
from omi2_hub.errors import HubError, UsageError
from omi2_hub.gate import Gate

from . import releases

FIRST = "data/tier0-00000-of-00001.parquet"


def verdicts(root: Path, *, index_only_ok: bool = False) -> dict[str, Gate]:
    found = release.read(root)
    listed = gates.local_gates(found, index_only_ok=index_only_ok, repo="acme/x", here=root.parent)
    return {gate.name: gate for gate in listed}


def failing(root: Path) -> dict[str, str]:
    return {name: gate.says for name, gate in verdicts(root).items() if gate.verdict == "fail"}


def edit(root: Path, change: Callable[[dict[str, Any]], None], *, seal: bool = False) -> None:
    """Change the manifest by hand; with `seal`, list the files as they are now."""
    manifest = releases.manifest_of(root)
    change(manifest)
    if seal:
        releases.seal(root, manifest)
    else:
        (root / "manifest.json").write_text(json.dumps(manifest))


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        inside = manifest
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value

    return change


def test_a_good_release_passes_every_gate(release: Path) -> None:
    assert {name: gate.verdict for name, gate in verdicts(release).items()} == dict.fromkeys(
        [
            "manifest", "funnel", "schema", "counts", "card", "decontamination",
            "benchmark texts", "unknown verdicts", "sizes", "licence", "secrets", "local folder",
        ],
        "ok",
    )  # fmt: skip


ALL = [{"name": n, "items": i, "texts": True, "with_texts": i}
       for n, i in releases.STANDARD.items()]  # fmt: skip
FULL = {n: {"items": i, "with_texts": i} for n, i in releases.STANDARD.items()}
EDITS = [
    (("rows",), 61, "counts", "the manifest says 61"),
    (("files", FIRST, "rows"), 31, "counts", "holds 30 rows, the manifest says 31"),
    (("files", FIRST, "bytes"), 5, "manifest", "the manifest says 5"),
    (("files", FIRST, "sha256"), "0" * 64, "manifest", "has changed since the build"),
    (("files", "data/x.parquet"), {"bytes": 1, "sha256": "0", "rows": 0}, "manifest", "not in the"),
    (("splits", "train_1M", "rows"), 29, "counts", "split train_1M hold 30 rows"),
    (("splits", "train_1M", "files"), ["data/x"], "counts", "no data file here"),
    (("splits", "train", "files"), [FIRST], "counts", "does not list every data file"),
    (("sources", "omi2_word", "rows"), 1, "counts", "48 rows of source omi2_word"),
    (("sources",), {}, "counts", "rows of source"),
    (("schema",), [["problem", "string"]], "schema", "manifest.json lacks generated_solution"),
    (("decontamination", "ran"), False, "decontamination", "never published"),
    (("decontamination", "ran"), "yes", "decontamination", "never published"),
    (("decontamination", "benchmarks"), [], "decontamination", "names no benchmark"),
    (("decontamination", "benchmarks"), [{"name": "x"}], "decontamination", "names no benchmark"),
    (("decontamination", "layers"), [], "decontamination", "names no layer"),
    (("decontamination", "released_unknown"), 2, "unknown verdicts", "2 rows"),
    (("decontamination", "released_unknown"), None, "unknown verdicts", "None rows"),
    (("decontamination", "released_unknown"), False, "unknown verdicts", "False rows"),
    (("licence",), None, "licence", "names no licence"),
    (("licence",), "mit", "licence", "the manifest says mit, the card 'cc-by-4.0'"),
    (("funnel",), [], "funnel", "not the one in reports/funnel.json"),
]


@pytest.mark.parametrize(("path", "value", "gate", "says"), EDITS)
def test_a_manifest_edited_by_hand(
    release: Path, path: tuple[str, ...], value: Any, gate: str, says: str
) -> None:
    edit(release, put(*path, value=value))
    assert says in failing(release)[gate]


def test_a_manifest_that_says_decontamination_ran_when_no_row_has_a_score(tmp_path: Path) -> None:
    made = [{**row, "overlap": None} for row in releases.rows_of(20)]
    root = releases.write(tmp_path / "omi2", made)
    assert "10 rows without an overlap score" in failing(root)["unknown verdicts"]


def test_one_row_without_a_score_is_found(tmp_path: Path) -> None:
    made = releases.rows_of(20)
    made[7]["overlap"] = None
    root = releases.write(tmp_path / "omi2", made)
    assert "holds 1 rows without an overlap score" in failing(root)["unknown verdicts"]


def test_a_funnel_that_reports_another_decontamination(release: Path) -> None:
    funnel = [{"stage": "decontaminate", "details": {"texts": False, "ran": True}}]
    (release / "reports" / "funnel.json").write_text(json.dumps(funnel))
    edit(release, put("funnel", value=funnel), seal=True)
    assert "decontamination.texts is not what the funnel reports" in failing(release)["funnel"]


def small(name: str, **changed: Any) -> dict[str, Any]:
    return {"name": name, "items": 1, "texts": True, "with_texts": 1} | changed


NOT_BY_TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("none", {"standard": {}}, "gsm8k/test (texts of 0 of 1,319 items)"),
    ("no count", {"standard": None}, "aime24/test (texts of 0 of 30 items)"),
    ("one small file", {"benchmarks": [small("mine/")], "standard": {}}, "math/test (texts of 0"),
    ("one called so", {"benchmarks": [small("gsm8k/test")],
                       "standard": {"gsm8k/test": {"items": 1, "with_texts": 1}}},
     "gsm8k/test (texts of 1 of 1,319 items)"),
    ("nearly", {"standard": {**FULL, "amc23/test": {"items": 40, "with_texts": 37}}},
     "amc23/test (texts of 37 of 40 items)"),
    ("a true", {"standard": {**FULL, "amc23/test": {"items": True, "with_texts": True}}},
     "amc23/test (texts of 0 of 40 items)"),
    ("a text", {"standard": {**FULL, "amc23/test": "all of it"}}, "amc23/test (texts of 0"),
    ("one more by hashes", {"benchmarks": [*ALL, small("svamp/test", texts=False, items=1000,
                                                       with_texts=0)]},
     "svamp/test (texts of 0 of 1,000 items)"),
    ("one more that says so", {"benchmarks": [*ALL, small("svamp/test", items=1000)]},
     "svamp/test (texts of 1 of 1,000 items)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("about", "says"), [case[1:] for case in NOT_BY_TEXTS], ids=[case[0] for case in NOT_BY_TEXTS]
)
def test_the_index_alone_wants_a_flag(about: dict[str, Any], says: str, tmp_path: Path) -> None:
    root = releases.write(tmp_path / "omi2", releases.rows_of(6), decontamination=about)
    gate = verdicts(root)["benchmark texts"]
    assert (gate.verdict, gate.flag) == ("needs", "--index-only-ok")
    assert says in gate.says
    allowed = verdicts(root, index_only_ok=True)["benchmark texts"]
    assert allowed.verdict == "ok"
    assert says in allowed.says


def test_by_the_texts_of_all_is_ok(release: Path) -> None:
    assert verdicts(release)["benchmark texts"].verdict == "ok"


def test_no_flag_leads_around_decontamination_that_did_not_run(release: Path) -> None:
    edit(release, put("decontamination", "ran", value=False))
    found = verdicts(release, index_only_ok=True)
    assert found["decontamination"].verdict == found["benchmark texts"].verdict == "fail"


def test_a_file_too_many_and_a_file_missing(release: Path) -> None:
    (release / "notes.txt").write_text("mine")
    (release / "reports" / "contamination.md").unlink()
    said = failing(release)["manifest"]
    assert "reports/contamination.md is in the manifest and not in the folder" in said
    assert "notes.txt is in the folder and not in the manifest" in said


@pytest.mark.parametrize(
    ("link", "says"),
    [(FIRST, f"{FIRST} is a link"), ("data", f"{FIRST} is in the manifest and not")],
)
def test_a_link_out_of_the_folder(release: Path, tmp_path: Path, link: str, says: str) -> None:
    (release / link).rename(tmp_path / "elsewhere")
    (release / link).symlink_to(tmp_path / "elsewhere")
    assert says in failing(release)["manifest"]


def test_a_shard_truncated_after_the_build(release: Path) -> None:
    path = release / FIRST
    path.write_bytes(path.read_bytes()[:-100])
    said = failing(release)
    assert f"{FIRST} has" in said["manifest"]
    assert f"{FIRST} cannot be read as Parquet" in said["schema"]


def test_a_shard_with_a_flipped_byte(release: Path) -> None:
    path = release / FIRST
    text = bytearray(path.read_bytes())
    text[2000] ^= 1
    path.write_bytes(text)
    assert f"{FIRST} has changed since the build" in failing(release)["manifest"]


def test_a_shard_with_another_schema(release: Path) -> None:
    path = release / FIRST
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["grader"]).append_column("x", table["votes"]), path)
    edit(release, lambda manifest: None, seal=True)
    assert failing(release)["schema"] == f"{FIRST} lacks grader (string) and has x (int32)"


def test_columns_in_another_order(release: Path) -> None:
    path = release / FIRST
    table = pq.read_table(path)
    pq.write_table(table.select(list(reversed(rows.ROWS.names))), path)
    edit(release, lambda manifest: None, seal=True)
    assert "has the columns in another order" in failing(release)["schema"]


def test_an_empty_release(tmp_path: Path) -> None:
    root = releases.write(tmp_path / "omi2", [])
    assert "holds no row" in failing(root)["counts"]


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("hf_" + "a1" * 17, "Hugging Face token"),
        ("sk-" + "proj-" + "a1" * 12, "OpenAI or Anthropic key"),
        ("ghp_" + "a1" * 18, "GitHub token"),
        ("AKIA" + "A1" * 8, "AWS key id"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "private key"),
        ("https://user:" + "secret@example.org/v1", "password in a URL"),
    ],
)
def test_secrets_are_found_and_not_shown(tmp_path: Path, secret: str, kind: str) -> None:
    made = releases.rows_of(9)
    made[4]["generated_solution"] += f" {secret}"
    in_data = failing(releases.write(tmp_path / "a" / "omi2", made))["secrets"]
    root = releases.write(tmp_path / "b" / "omi2", releases.rows_of(9))
    (root / "README.md").write_text((root / "README.md").read_text() + secret)
    edit(root, lambda manifest: None, seal=True)
    on_card = failing(root)["secrets"]
    assert kind in in_data
    assert "(its first rows)" in in_data
    assert kind in on_card
    assert "README.md" in on_card
    assert secret not in in_data + on_card


def test_the_hubs_limits(release: Path) -> None:
    edit(release, put("files", FIRST, "bytes", value=gates.FILE_BYTES + 1))
    assert "use smaller shards" in failing(release)["sizes"]

    def many(manifest: dict[str, Any]) -> None:
        for at in range(gates.FOLDER_FILES + 1):
            manifest["files"][f"data/x{at}"] = {"bytes": 0, "sha256": ""}

    edit(release, many)
    assert "data holds 10,003 files" in failing(release)["sizes"]


def test_a_folder_named_like_the_dataset(release: Path, tmp_path: Path) -> None:
    assert gates.local_folder("acme/omi2", tmp_path).verdict == "ok"
    (tmp_path / "acme" / "omi2").mkdir(parents=True)
    assert "would read it instead of the Hub" in gates.local_folder("acme/omi2", tmp_path).says


SHAPES = [
    (b"{", "is not JSON"),
    (b"[]", "is not the manifest of an omi2 release"),
    (b'{"omi2": "run"}', "is not the manifest of an omi2 release"),
    (b'{"omi2": "release", "format": 2}', "format 2"),
    (b'{"omi2": "release", "format": 1}', "name is None, not text"),
]


@pytest.mark.parametrize(("text", "says"), SHAPES)
def test_a_manifest_of_another_shape(text: bytes, says: str) -> None:
    with pytest.raises(HubError, match=says):
        release.read_manifest(text, "manifest.json")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("rows",), True, "rows is True, not a number"),
        (("rows",), -1, "less than 0"),
        (("files", "../../etc/passwd"), {"bytes": 0, "sha256": ""}, "no path inside the release"),
        (("files", "/etc/passwd"), {"bytes": 0, "sha256": ""}, "no path inside the release"),
        (("files", "a\\b"), {"bytes": 0, "sha256": ""}, "no path inside the release"),
        (("files", FIRST), 3, "is 3, not a table"),
        (("splits", "train", "files"), "data", "files is 'data', not a list"),
        (("schema",), ["problem"], "schema is not a list"),
    ],
)
def test_a_manifest_that_names_nonsense(
    release: Path, path: tuple[str, ...], value: Any, says: str
) -> None:
    edit(release, put(*path, value=value))
    with pytest.raises(HubError, match=says):
        verdicts(release)


def test_a_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        release.read(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"holds no manifest\.json"):
        release.read(tmp_path)


def card(root: Path, old: str, new: str) -> str:
    text = (root / "README.md").read_text()
    assert old in text
    (root / "README.md").write_text(text.replace(old, new))
    edit(root, lambda manifest: None, seal=True)
    return failing(root)["card"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("---\nlicense", "license", "does not begin with YAML"),
        ("license: cc-by-4.0", "license: [", "is not YAML"),
        ("config_name: 1M", "config_name: 7M", "a split train the manifest lacks"),
        ("config_name: default", "config_name: other", "no config named default"),
        ("split: train_5M", "split: train_6M", "lacks the split train_5M"),
        ("num_examples: 60", "num_examples: 59", "gives train 59 rows, the manifest 60"),
        ("num_bytes: 60000", "bytes: 60000", "gives train no num_bytes"),
        ("dtype: int64", "dtype: int32", "other features than the schema"),
        ("configs:", "config:", "no configs: in its front matter"),
        ("dataset_info:", "info:", "no dataset_info:"),
    ],
)
def test_a_card_that_disagrees(release: Path, old: str, new: str, says: str) -> None:
    assert says in card(release, old, new)


def test_a_card_whose_split_lists_too_few_files(release: Path) -> None:
    said = card(
        release,
        "  - split: train\n    path:\n    - " + FIRST + "\n",
        "  - split: train\n    path:\n",
    )
    assert "config default, split train lists other files" in said


def test_no_card_at_all(release: Path) -> None:
    (release / "README.md").unlink()
    edit(release, lambda manifest: None, seal=True)
    assert "there is no README.md" in failing(release)["card"]


def numbers(**changes: Any) -> release.Manifest:
    base: dict[str, Any] = {
        "omi2": "release", "format": 1, "name": "x", "rows": 1, "schema": [["a", "string"]],
        "files": {"d.parquet": {"bytes": 1, "sha256": "1", "rows": 1}},
        "splits": {}, "sources": {}, "decontamination": {},
    }  # fmt: skip
    return release.read_manifest(json.dumps({**base, **changes}).encode(), "manifest.json")


CHANGED = {"d.parquet": {"bytes": 1, "sha256": "2", "rows": 1}}


@pytest.mark.parametrize(
    ("changes", "kind", "follows"),
    [
        ({}, "none", None),
        ({"name": "y"}, "patch", "v1.2.4"),
        ({"files": CHANGED}, "minor", "v1.3.0"),
        ({"splits": {"train": {"rows": 1, "files": []}}}, "minor", "v1.3.0"),
        ({"schema": [["a", "string"], ["b", "string"]]}, "major", "v2.0.0"),
    ],
)
def test_the_kind_of_change_decides_the_version(
    changes: dict[str, Any], kind: str, follows: str | None
) -> None:
    assert versions.kind_of_change(numbers(), numbers(**changes)) == kind
    tags = [versions.parse(text) for text in ("v0.9.0", "v1.2.3")]
    asked = [versions.parse(text) for text in ("v1.2.4", "v1.3.0", "v2.0.0", "v1.2.3", "v1.5.0")]
    found = release.Release(Path(), numbers(**changes), release.Facts({}, {}, "", {}))
    right = [v for v in asked if gates.version(v, tags, numbers(), found).verdict == "ok"]
    assert [str(v) for v in right] == ([follows] if follows else [])


def test_versions_are_numbers() -> None:
    assert [str(v) for v in versions.versions_of(["v0.10.0", "v0.9.0", "latest", "v1.0"])] == [
        "v0.9.0",
        "v0.10.0",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.2.3", "did you mean v1.2.3"),
        ("v1.2", "look like v1.2.0"),
        ("v01.2.3", "look like"),
        ("", "look"),
    ],
)
def test_what_is_no_version(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        versions.parse(text)


def test_nulls_without_statistics_count_as_unchecked(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(releases.rows_of(6), rows.ROWS)
    pq.write_table(table, tmp_path / "a.parquet", write_statistics=False)
    assert release.data_facts(tmp_path / "a.parquet").unchecked == 6
