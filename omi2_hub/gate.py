"""What a gate says of a release."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Gate:
    """One gate's verdict, with its sentence; `flag` is what would let a `needs` pass."""

    name: str
    verdict: Literal["ok", "fail", "needs", "unknown"]
    says: str
    flag: str | None = None


def judged(name: str, wrong: list[str], fine: str) -> Gate:
    """Failed with the first few things that are wrong, or fine."""
    if not wrong:
        return Gate(name, "ok", fine)
    more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Gate(name, "fail", "; ".join(wrong[:3]) + more)
