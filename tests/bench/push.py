"""How fast and how lean a push is, against a local Hub and beside the Hub's own `hf upload`.

    python tests/bench/push.py [--quick] [--json] [--bytes 2000000000]

Figures: wall time of a push against `hf upload` of the same folder, in plain
LFS and in Xet; its peak memory; an unchanged push; what Xet newly stores for a release with 50 rows
added at scattered places, and for one with 1% of the rows removed.

Rows have random text (base64: Parquet's zstd takes a quarter off), ordered and sharded as
`omi2/stages/split.py` does it. Server and client share the machine, so times are for comparison
with each other only; the peer runs in the same minute. Local disk and loopback: a real upload is
slower, and both are then bound by the network.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "builder"), str(ROOT)]

from hub import releases, xet_store  # noqa: E402
from hub.conftest import environment  # noqa: E402
from hub.local_hub import WRITE, Hub  # noqa: E402
from omi2 import rows  # noqa: E402

SOLUTION, PROBLEM = 1200, 240
"""Characters a row: about what OpenMathInstruct-2 has."""
ROW_BYTES = int((SOLUTION + PROBLEM) * 0.76) + 60
BLOCK = 10_000


def texts(block: int) -> Iterator[tuple[int, str, str]]:
    """Number, problem and solution of the rows of a block: always the same."""
    length = SOLUTION + PROBLEM
    raw = np.random.default_rng(block).bytes(BLOCK * length * 3 // 4)
    text = base64.b64encode(raw).decode()
    for at in range(BLOCK):
        row = text[at * length : (at + 1) * length]
        yield block * BLOCK + at, row[:PROBLEM], row[PROBLEM:]


def row_id(number: int) -> str:
    return xxhash.xxh3_128_hexdigest(str(number).encode())


def write(root: Path, blocks: int, shards: int, *, drop: float = 0.0, extra: int = 0) -> Path:
    """A release of `blocks` blocks of rows, some dropped, with `extra` rows of another block."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "data").mkdir(parents=True)
    data: dict[str, int] = {}
    routed: list[list[tuple[int, str, str]]] = [[] for _ in range(shards)]
    for block in range(blocks):
        for row in texts(block):
            name = row_id(row[0])
            if rows.order("drop", name) >= drop * 2**64:
                routed[rows.order("shard", name) * shards >> 64].append(row)
    for row in list(texts(blocks + 1000))[:extra]:
        routed[rows.order("shard", row_id(row[0])) * shards >> 64].append(row)
    for shard, made in enumerate(routed):
        made.sort(key=lambda row: rows.order("shuffle", row_id(row[0])))
        path = f"data/tier0-{shard:05}-of-{shards:05}.parquet"
        table = columns(made)
        row_bytes = max(1, table.nbytes // max(1, table.num_rows))
        pq.write_table(
            table,
            root / path,
            row_group_size=(64 << 20) // row_bytes,
            compression="zstd",
            use_content_defined_chunking=True,
            write_page_index=True,
        )
        data[path] = len(made)
    total = sum(data.values())
    return releases.finish(root, data, {"omi2_word": {"problems": total, "rows": total}})


def columns(made: list[tuple[int, str, str]]) -> pa.Table:
    """The rows as a table of omi2.rows, built by column."""
    count = len(made)
    ids = [row_id(number) for number, _, _ in made]
    values: dict[str, Any] = {
        "problem": [problem for _, problem, _ in made],
        "generated_solution": [solution for _, _, solution in made],
        "expected_answer": [str(number % 997) for number, _, _ in made],
        "row_id": ids,
        "problem_id": ids,
        "seed_id": ids,
        "seed": [number for number, _, _ in made],
        "overlap": [{"score": 0.125, "benchmark": "gsm8k/test", "item": "17"}] * count,
    }
    same: dict[str, Any] = {
        "problem_source": "omi2_word", "teacher": "made", "prompt": "solve-demo",
        "temperature": 0.7, "top_p": 0.95, "votes": 3, "votes_total": 4,
        "answer_type": "integer", "solution_tokens": 300, "grader": "omi2@1",
    }  # fmt: skip
    values |= {name: [value] * count for name, value in same.items()}
    return pa.table([pa.array(values[f.name], f.type) for f in rows.ROWS], schema=rows.ROWS)


def timed(args: list[str], env: dict[str, str], cwd: Path) -> tuple[float, float]:
    """Seconds and peak MB of one command (its own high-water mark, not what fork inherits)."""
    started, peak = time.monotonic(), 0.0
    process = subprocess.Popen(args, env=env, cwd=cwd, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        peak = max(peak, int(found[1]) / 1024 if found else 0.0)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{' '.join(args)} ended with {process.returncode}")
    return time.monotonic() - started, peak


def figure(as_json: bool, name: str, value: float, unit: str, **more: Any) -> None:
    said = {"figure": name, "value": round(value, 3), "unit": unit}
    said |= {"peer": None, "peer_value": None, "ratio": None, "wanted": None, "ok": None, **more}
    if as_json:
        print(json.dumps(said), flush=True)
        return
    tail = [f"{key} {said[key]}" for key in ("peer", "peer_value", "ratio", "wanted", "ok")]
    told = ", ".join(t for t in tail if not t.endswith(" None"))
    print(f"{name}: {said['value']} {unit}  ({told})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of omi2-hub push.")
    parser.add_argument("--quick", action="store_true", help="ends within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON line a figure")
    parser.add_argument("--bytes", type=int, default=2_000_000_000, help="size of the release")
    parser.add_argument("--where", type=Path, help="a folder with room for six times the bytes")
    asked = parser.parse_args()
    size = 60_000_000 if asked.quick else asked.bytes
    blocks = max(1, round(size / ROW_BYTES / BLOCK))
    shards = max(1, round(size / 256_000_000))
    hub_cli = [sys.executable, "-m", "omi2_hub"]
    with tempfile.TemporaryDirectory(dir=asked.where) as name:
        folder = Path(name)
        root = write(folder / "omi2", blocks, shards)
        total = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        figure(asked.json, "release", total / 1e9, "GB")
        for kind in ("lfs", "xet"):
            with Hub(folder / f"hub-{kind}") as hub:
                env = {**environment(hub, folder / f"home-{kind}"), "HF_TOKEN": WRITE}
                peer_hub = Hub(folder / f"peer-{kind}")
                if kind == "xet":
                    hub.cas, peer_hub.cas = folder / "cas", folder / "peer-cas"
                    hub.cas.mkdir()
                    peer_hub.cas.mkdir()
                else:
                    env["HF_HUB_DISABLE_XET"] = "1"
                with peer_hub:
                    peer_env = {**env, "HF_ENDPOINT": peer_hub.url}
                    upload = ["-m", "huggingface_hub.cli.hf", "upload", "acme/omi2", str(root)]
                    upload += ["--repo-type", "dataset", "--quiet"]
                    peer = timed([sys.executable, *upload], peer_env, folder)
                shutil.rmtree(folder / f"peer-{kind}")
                push = [*hub_cli, "push", str(root), "--repo", "acme/omi2", "-y", "--version"]
                ours = timed([*push, "v0.1.0"], env, folder)
                ratio = round(ours[0] / peer[0], 3)
                more = {"peer": "hf upload", "peer_value": round(peer[0], 3), "ratio": ratio}
                figure(
                    asked.json, f"push, {kind}", ours[0], "s", **more,
                    wanted="<= 1.1x", ok=ratio <= 1.1,
                )  # fmt: skip
                more = {"peer": "hf upload", "peer_value": round(peer[1]), "wanted": "< 400 MB"}
                memory = {**more, "ok": ours[1] < 400}
                figure(asked.json, f"peak memory, {kind}", ours[1], "MB", **memory)
                again = timed([*push, "v0.1.0"], env, folder)[0]
                figure(
                    asked.json, f"unchanged push, {kind}", again, "s", wanted="< 3 s", ok=again < 3
                )
                if kind == "xet":
                    assert hub.cas is not None
                    grow(asked.json, folder, hub.cas, [*push], env, blocks, shards)


def grow(
    as_json: bool,
    folder: Path,
    cas: Path,
    push: list[str],
    env: dict[str, str],
    blocks: int,
    shards: int,
) -> None:
    """What a second and a third release newly store, each against the one before it."""
    first = xet_store.stored_bytes(cas)
    write(folder / "omi2", blocks, shards, extra=50)
    timed([*push, "v0.2.0"], env, folder)
    second = xet_store.stored_bytes(cas)
    share = (second - first) / first
    figure(
        as_json, "newly stored, 50 rows added", 100 * share, "%", wanted="<= 15%", ok=share <= 0.15
    )
    write(folder / "omi2", blocks, shards, extra=50, drop=0.01)
    timed([*push, "v0.3.0"], env, folder)
    share = (xet_store.stored_bytes(cas) - second) / first
    figure(as_json, "newly stored, 1% of rows removed", 100 * share, "%", wanted="stated")


if __name__ == "__main__":
    main()
