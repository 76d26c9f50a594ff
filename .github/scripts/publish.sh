#!/usr/bin/env bash
# Publishes a release and verifies what the Hub then holds.
# usage: publish.sh DIR ORG/NAME vX.Y.Z [FLAG]...     FLAG: --index-only-ok, --discard-edits, --private
# The token is the client library's business: HF_OIDC_RESOURCE asks for one that lives for this job.
set -euo pipefail
dir=$1 repo=$2 version=$3
shift 3
case "$version" in
  v[0-9]*.[0-9]*.[0-9]*) ;;
  *) echo "error: $version is no version such as v1.2.0" >&2; exit 2 ;;
esac
omi2-hub push "$dir" --repo "$repo" --version "$version" --yes "$@"
omi2-hub verify "$repo@$version" --full
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    echo "## Published $repo@$version"
    echo
    echo '```text'
    omi2-hub versions "$repo"
    echo '```'
  } >> "$GITHUB_STEP_SUMMARY"
fi
