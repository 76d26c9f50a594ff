#!/usr/bin/env bash
# Keeps one issue about drift: opens it, or adds to the one that is open. Does nothing without drift.
# usage: DRIFT=text RUN_URL=address drift_issue.sh     (needs gh, GH_TOKEN, GH_REPO)
set -euo pipefail
label=dry-run-drift
title="The dry run drifted"
if [ -z "${DRIFT:-}" ]; then
  echo "no drift: nothing to tell"
  exit 0
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
printf '%s\n\nThe run: %s\n\nIf this is meant: `python .github/scripts/dry_run.py expect OUT`, and commit what it wrote.\n' \
  "$DRIFT" "$RUN_URL" > "$body"
gh label create "$label" --force --color D93F0B --description "The scheduled dry run differs from what is expected"
open=$(gh issue list --state open --label "$label" --limit 1 --json number --jq '.[0].number // empty')
if [ -n "$open" ]; then
  gh issue comment "$open" --body-file "$body"
else
  gh issue create --title "$title" --label "$label" --body-file "$body"
fi
