#!/usr/bin/env bash
# Builds the wheel and uses it as people do: in an environment of its own, with no checkout around,
# the base install alone. usage: try_wheel.sh [FOLDER]   (where the wheel is left)
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wheels=${1:-$scratch/wheels}
python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$wheels" .

python -m venv "$scratch/venv"
bin=$scratch/venv/bin
"$bin/python" -m pip install --quiet --disable-pip-version-check "$wheels"/omi2-*.whl
cp tests/dry_run/generations.jsonl .github/scripts/recorded.py "$scratch"
cd "$scratch"
"$bin/omi2" --version
"$bin/omi2-hub" --version
# A whole build by the wheel, its teacher recorded; then what people do with the result.
"$bin/python" - <<'PY'
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, ".")
import recorded

server = recorded.Recorded("recorded", recorded.load(Path("generations.jsonl")))
bin = Path(sys.executable).parent
with recorded.serve(server) as url:
    subprocess.run([bin / "omi2", "build", "dry-run", "--teacher", f"openai:{url}"], check=True)
assert not server.missing, server.missing[0]
subprocess.run([bin / "omi2-hub", "card", "omi2", "--check"], check=True)
subprocess.run([bin / "omi2-hub", "preview", "omi2", "--run", "omi2-run", "--out", "site"], check=True)

from datasets import load_dataset

rows = load_dataset("omi2", "1M", split="train", streaming=True)
assert sum(1 for _ in rows) > 0
print("the wheel works")
PY
