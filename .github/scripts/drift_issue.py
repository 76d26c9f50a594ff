"""Keeps one issue about drift: opens it, or brings the one that is open up to date.

    DRIFT=text RUN_URL=address python .github/scripts/drift_issue.py

The issue's first text always tells the latest run. When what drifted differs from what it told
before, a comment says so as well, so that people hear of something new once and not every night.
Without drift it does nothing. Needs GH_TOKEN with `issues: write` and GITHUB_REPOSITORY; asks
GITHUB_API_URL, as the runner sets them. Ends with 1 and a sentence where GitHub refuses.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

LABEL = "dry-run-drift"
TITLE = "The dry run drifted"
CURE = "If this is meant: `python .github/scripts/dry_run.py expect OUT`, and commit what it wrote."
LETTERS = 50_000
"""Of what drifted. GitHub takes 65,536 letters a text."""


def main() -> int:
    """Tell GitHub. Returns the exit code."""
    drift = os.environ.get("DRIFT", "").strip()[:LETTERS]
    if not drift:
        print("no drift: nothing to tell")
        return 0
    body = f"{drift}\n\nThe run: {os.environ['RUN_URL']}\n\n{CURE}\n"
    try:
        print(tell(drift, body))
    except urllib.error.URLError as error:
        said = f"{error.code} {error.reason}" if hasattr(error, "code") else str(error.reason)
        print(f"error: GitHub did not take the issue ({said}); it would say:\n{body}")
        return 1
    return 0


def tell(drift: str, body: str) -> str:
    """Open the issue or bring it up to date; says which, and where."""
    query = urllib.parse.urlencode({"state": "open", "labels": LABEL, "per_page": 100})
    found = [i for i in ask("GET", f"issues?{query}") if "pull_request" not in i]
    if not found:
        made = ask("POST", "issues", title=TITLE, body=body, labels=[LABEL])
        return f"opened {made['html_url']}"
    issue = min(found, key=lambda one: int(one["number"]))
    if not str(issue.get("body") or "").startswith(drift):
        ask("POST", f"issues/{issue['number']}/comments", body=body)
    ask("PATCH", f"issues/{issue['number']}", body=body)
    return f"brought {issue['html_url']} up to date"


def ask(method: str, path: str, **fields: Any) -> Any:
    """One request to the repository's part of GitHub's API, and what it answers."""
    base = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    request = urllib.request.Request(  # noqa: S310 (the runner's own address)
        f"{base}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}",
        json.dumps(fields).encode() if fields else None,
        {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GH_TOKEN']}",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
