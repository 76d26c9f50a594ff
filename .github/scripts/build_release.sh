#!/usr/bin/env bash
# Builds a recipe and checks every gate of a push, with what the environment names: RECIPE, REPO,
# VERSION, INDEX_ONLY (a flag or nothing). Leaves FOLDER/omi2 and FOLDER/preview.
# usage: build_release.sh FOLDER [OPTION OF OMI2 BUILD]...
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
omi2 build "$RECIPE" --out "$work/omi2" --run "$work/run" "$@"
mv "$work/omi2" "$folder/omi2"
omi2-hub card "$folder/omi2" --check
omi2-hub preview "$folder/omi2" --run "$work/run" --out "$folder/preview"
# The plan alone, without any token: what is new on the Hub is seen there, and told as unknown if not.
omi2-hub plan "$folder/omi2" --repo "$REPO" --version "$VERSION" ${INDEX_ONLY:+"$INDEX_ONLY"} |
  tee plan.txt
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    echo "## What a push would do"
    echo
    echo '```text'
    cat plan.txt
    echo '```'
  } >> "$GITHUB_STEP_SUMMARY"
fi
