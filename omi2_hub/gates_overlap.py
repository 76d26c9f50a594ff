"""The gates on decontamination: that it ran, on what, and that nothing unknown is released."""

from collections.abc import Mapping
from typing import Any

from omi2_hub.compared import bare
from omi2_hub.gate import Gate, judged
from omi2_hub.manifest import Manifest
from omi2_hub.release import Release
from omi2_hub.text import brief, plain


def decontamination(manifest: Manifest) -> Gate:
    """Decontamination ran, on which benchmarks and with which layers. No flag leads around it."""
    about = manifest.decontamination
    if about.get("ran") is not True:
        return Gate(
            "decontamination",
            "fail",
            "decontamination did not run (built with --no-decontaminate): such a release is never"
            " published; build it again without that option",
        )
    benchmarks = [b for b in _list(about, "benchmarks") if isinstance(b, dict) and b.get("items")]
    layers = [plain(layer) for layer in _list(about, "layers") if isinstance(layer, str)]
    wrong = [] if benchmarks else ["the manifest names no benchmark that was compared with"]
    wrong += [] if layers else ["the manifest names no layer that was used"]
    names = ", ".join(
        f"{plain(str(b.get('name')))[:80]} ({brief(b['items'])} items)" for b in benchmarks
    )
    return judged("decontamination", wrong, f"ran against {names}, by {', '.join(layers)}")


def _list(table: Mapping[str, Any], key: str) -> list[Any]:
    """A list, if there is one under this key: text is none, though Python can go through it."""
    value = table.get(key)
    return value if isinstance(value, list) else []


def index_only(manifest: Manifest, index_only_ok: bool) -> Gate:
    """Whether each benchmark's texts were compared with, the standard ones' too (`compared`)."""
    if manifest.decontamination.get("ran") is not True:
        return Gate("benchmark texts", "fail", "nothing was compared: decontamination did not run")
    lacking = bare(manifest.decontamination)
    if not lacking:
        return Gate("benchmark texts", "ok", "each benchmark was compared by its own texts")
    told = ", ".join(lacking[:6]) + f", and {len(lacking) - 6} more" * (len(lacking) > 6)
    if index_only_ok:
        return Gate("benchmark texts", "ok", f"by an index alone: {told} (--index-only-ok)")
    return Gate(
        "benchmark texts",
        "needs",
        f"compared by hashes alone: {told}; build with the benchmarks' texts"
        " ([[decontaminate.benchmarks]]), or push with --index-only-ok",
        "--index-only-ok",
    )


def unknown(release: Release) -> Gate:
    """Nothing whose verdict is unknown is released: by the manifest, and by the rows themselves."""
    said = release.manifest.decontamination.get("released_unknown")
    unchecked = {
        path: data.unchecked for path, data in release.facts.data.items() if data.unchecked
    }
    wrong = []
    if said != 0 or isinstance(said, bool):
        wrong.append(f"the manifest says that {brief(said)} rows of unknown verdict are released")
    for path, count in sorted(unchecked.items()):
        wrong.append(
            f"{path} holds {count} rows without an overlap score: nothing was compared with them"
        )
    if wrong:
        wrong[-1] += "; build with strict decontamination"
    return judged("unknown verdicts", wrong, "none released; every row has its overlap score")
