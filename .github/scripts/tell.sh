#!/usr/bin/env bash
# Puts the dry run's summary on the workflow's page, and what drifted into the step's outputs.
# usage: tell.sh OUT
set -euo pipefail
out=$1
drift=""
if [ -f "$out/summary.md" ]; then
  cat "$out/summary.md" >> "$GITHUB_STEP_SUMMARY"
else
  echo "The dry run did not come to an end: see the log." >> "$GITHUB_STEP_SUMMARY"
fi
if [ ! -f "$out/drift.md" ]; then
  drift="The dry run with recorded generations did not come to an end."
elif [ -s "$out/drift.md" ]; then
  drift=$(head -c 50000 "$out/drift.md")
elif grep -q '^\*\*' "$out/summary.md"; then
  drift=$(head -c 50000 "$out/summary.md")
elif ! grep -q '^## Live run' "$out/summary.md"; then
  drift="The recorded part is as expected; the live run of the embedded teacher did not come to an end."
fi
mark="end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
{
  echo "drift<<$mark"
  printf '%s\n' "$drift"
  echo "$mark"
} >> "$GITHUB_OUTPUT"
