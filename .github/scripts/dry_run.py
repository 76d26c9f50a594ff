"""The scheduled dry run: build the `dry-run` recipe, and tell whether anything drifted.

    python .github/scripts/dry_run.py check OUT    recorded teacher; compare with what is expected
    python .github/scripts/dry_run.py hub OUT      push --dry-run to a throw-away local Hub; preview
    python .github/scripts/dry_run.py live OUT     a short run of the real embedded teacher
    python .github/scripts/dry_run.py expect OUT   recorded teacher; expect this from now on
    python .github/scripts/dry_run.py record       record the teacher anew, and expect its result

`check` compares the funnel, the number of rows, a sha256 of the rows' content and, where the same
pyarrow wrote them, the sha256 of the files (another pyarrow writes other bytes for the same rows,
which is told and is no drift). Each command adds to OUT/summary.md; `check` writes OUT/drift.md and
ends with 1 when something drifted. No token is needed and no real Hub is asked.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HELD = ROOT / "tests" / "dry_run"
GENERATIONS, EXPECTED = HELD / "generations.jsonl", HELD / "expected.json"
LIVE_SEEDS = 4


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["check", "hub", "live", "expect", "record"])
    parser.add_argument("out", type=Path, nargs="?", help="where results are written")
    parser.add_argument("--expected", type=Path, default=EXPECTED)
    told = parser.parse_args(arguments)
    if told.command == "record":
        return record()
    if told.out is None:
        parser.error("name a folder for the results")
    told.out.mkdir(parents=True, exist_ok=True)
    match told.command:
        case "hub":
            return hub(told.out)
        case "live":
            return live(told.out)
    return check(told.out, told.expected, keep=told.command == "expect")


def check(out: Path, expected: Path, *, keep: bool = False) -> int:
    """Build with the recorded teacher and compare; or keep what came out as what is expected."""
    import recorded

    server = recorded.Recorded(_model(), recorded.load(GENERATIONS))
    with recorded.serve(server) as url:
        _build(out, f"openai:{url}")
    found = result(out / "omi2")
    if keep and not server.missing:
        _expect(expected, found)
    wanted = json.loads(expected.read_text(encoding="utf-8"))
    drift = differences(wanted, found)
    if server.missing:
        drift.append(
            f"{len(server.missing)} requests are not in the recording; one ends in"
            f" `{_line(server.missing[0])}`"
        )
    lines = ["## Dry run with recorded generations", ""]
    lines += ["**Drifted:**", "", *(f"- {line}" for line in drift)] if drift else ["As expected."]
    if wanted["pyarrow"] != found["pyarrow"]:
        lines += ["", f"Files were not compared: pyarrow {found['pyarrow']} wrote them, and"
                  f" {wanted['pyarrow']} those expected. The rows were."]  # fmt: skip
    lines += ["", *_table(found)]
    _tell(out, lines)
    (out / "drift.md").write_text("\n".join(lines) + "\n" if drift else "", encoding="utf-8")
    return 1 if drift else 0


def result(release: Path) -> dict[str, Any]:
    """What is compared of a release."""
    import pyarrow
    import pyarrow.parquet as pq

    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    data = {n: e["sha256"] for n, e in manifest["files"].items() if n.startswith("data/")}
    content = hashlib.sha256()
    for name in sorted(data):
        for row in pq.read_table(release / name).to_pylist():
            content.update(json.dumps(row, sort_keys=True, ensure_ascii=True).encode() + b"\n")
    steps = ("stage", "unit", "came", "left", "dropped")
    return {
        "rows": manifest["rows"],
        "funnel": [{key: step[key] for key in steps} for step in manifest["funnel"]],
        "content": content.hexdigest(),
        "files": data,
        "pyarrow": pyarrow.__version__,
    }


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where a result is not what was expected, as sentences."""
    said = []
    before = {step["stage"]: step for step in wanted["funnel"]}
    after = {step["stage"]: step for step in found["funnel"]}
    for stage in sorted(before.keys() | after.keys(), key=[*before, *after].index):
        for key in ("came", "left", "dropped"):
            one, two = before.get(stage, {}).get(key), after.get(stage, {}).get(key)
            if one != two:
                said.append(f"{stage}, {key}: expected {_words(one)}, found {_words(two)}")
    if wanted["rows"] != found["rows"]:
        said.append(f"rows: expected {wanted['rows']}, found {found['rows']}")
    if wanted["content"] != found["content"]:
        said.append(
            f"the content of the rows: expected {wanted['content'][:12]}, found"
            f" {found['content'][:12]}"
        )
    if wanted["pyarrow"] == found["pyarrow"] and wanted["files"] != found["files"]:
        names = sorted(n for n in {**wanted["files"], **found["files"]}
                       if wanted["files"].get(n) != found["files"].get(n))  # fmt: skip
        said.append(f"the bytes of {', '.join(names)}")
    return said


def hub(out: Path) -> int:
    """Plan a push against a Hub on loopback that ends with this process; write the preview."""
    sys.path.insert(0, str(ROOT / "tests"))
    from hub.local_hub import WRITE, Hub

    with tempfile.TemporaryDirectory() as folder, Hub(Path(folder) / "hub") as local:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_"))}
        env |= {"HF_ENDPOINT": local.url, "HF_HOME": folder, "HF_TOKEN": WRITE}
        push = ["push", str(out / "omi2"), "--repo", "dry-run/omi2", "--version", "v0.1.0"]
        planned = _run("omi2_hub", [*push, "--dry-run", "--index-only-ok"], env)
        wrote = [path for method, path in local.log if method in ("POST", "PUT", "DELETE")]
    changed = [path for path in wrote if "/preupload/" not in path and "validate" not in path]
    ok = planned.returncode == 0 and not changed
    _tell(out, ["## Push, dry run", "", "Every gate passes." if ok else "**Refused.**", "",
                "```text", (planned.stdout + planned.stderr).strip(), "```"])  # fmt: skip
    shown = _run("omi2_hub", ["preview", str(out / "omi2"), "--run", str(out / "omi2-run"),
                              "--out", str(out / "preview")])  # fmt: skip
    if shown.returncode:
        _tell(out, ["**The preview fails:**", "", "```text", shown.stderr.strip(), "```"])
    return 0 if ok and not shown.returncode else 1


def live(out: Path) -> int:
    """A short run of the real teacher: it has to end, and its funnel has to add up."""
    folder = out / "live"
    _build(folder, "", "--limit", str(LIVE_SEEDS))
    found = result(folder / "omi2")
    wrong = [
        f"{step['stage']}: {_words(step['came'])} came, {_words(step['left'])} left and"
        f" {_words(step['dropped'])} dropped"
        for step in found["funnel"]
        if sum(step["came"].values()) != sum(step["left"].values()) + sum(step["dropped"].values())
    ]
    asked = {s["stage"]: sum(s["left"].values()) for s in found["funnel"]}
    if not asked["solve"]:
        wrong.append("the teacher answered nothing")
    lines = ["The embedded teacher answers, and the funnel adds up."]
    if wrong:
        lines = ["**Wrong:**", "", *(f"- {line}" for line in wrong)]
    _tell(out, ["## Live run of the embedded teacher", "", *lines, "", *_table(found)])
    return 1 if wrong else 0


def record() -> int:
    """Record the embedded teacher, and expect what comes of it."""
    import recorded

    from omi2.teachers import embedded

    with tempfile.TemporaryDirectory() as folder, embedded.serve("") as url:
        server = recorded.Recorded(_model(), {}, ask=url)
        with recorded.serve(server) as address:
            _build(Path(folder), f"openai:{address}")
        recorded.save(GENERATIONS, {name: server.known[name] for name in server.asked})
        found = result(Path(folder) / "omi2")
    _expect(EXPECTED, found)
    return 0


def _expect(path: Path, found: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _model() -> str:
    from omi2.teachers import embedded

    return embedded.model_name("")


def _build(out: Path, teacher: str, *more: str) -> None:
    """`omi2 build dry-run` into a folder that holds nothing of an earlier one."""
    for name in ("omi2", "omi2-run"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    arguments = ["build", "dry-run", "--out", str(out / "omi2"), "--run", str(out / "omi2-run")]
    if teacher:
        arguments += ["--teacher", teacher]
    done = _run("omi2", [*arguments, *more])
    if done.returncode:
        raise SystemExit(f"omi2 build failed ({done.returncode}):\n{done.stderr}")


def _run(
    module: str, arguments: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603


def _table(found: Mapping[str, Any]) -> list[str]:
    lines = ["| stage | came | left | dropped |", "| --- | ---: | ---: | --- |"]
    for step in found["funnel"]:
        came, left = sum(step["came"].values()), sum(step["left"].values())
        lines.append(f"| {step['stage']} | {came:,} | {left:,} | {_words(step['dropped'])} |")
    return lines


def _words(counts: Mapping[str, int] | None) -> str:
    if not counts:
        return "nothing"
    return ", ".join(f"{_line(name)} {count:,}" for name, count in counts.items())


def _line(text: str) -> str:
    """Text in one line that no Markdown reader takes for markup."""
    return "".join(c if c.isalnum() or c in " _-./:?!,+*=()" else " " for c in text).strip()


def _tell(out: Path, lines: Sequence[str]) -> None:
    """Add to the summary that people read, here and in the workflow's page."""
    text = "\n".join([*lines, ""])
    with (out / "summary.md").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main(sys.argv[1:]))
