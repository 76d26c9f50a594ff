"""Finds strings that look like credentials, by the shapes that their issuers document.

A find is told by kind and place, and never shown. It cannot find a password, nor a key of no shape.
"""

import re
from collections.abc import Mapping

SECRETS = {
    "Hugging Face token": (
        r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}|\bhf_(?:oauth|jwt)_[A-Za-z0-9_.-]{20,}"
    ),
    "OpenAI or Anthropic key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "AWS key id": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "password in a URL": r"\bhttps?://[^\s/:@]+:[^\s/@]+@[A-Za-z0-9.-]+",
}
"""Shapes of well-known credentials; the issuers document these prefixes."""


def find(texts: Mapping[str, str]) -> list[str]:
    """What was found, as sentences; `texts` by where they are."""
    return [
        f"{where} holds what looks like a {kind} ({found.end() - found.start()} characters at"
        f" {found.start()})"
        for where, text in texts.items()
        for kind, pattern in SECRETS.items()
        if (found := re.search(pattern, text))
    ]
