"""Settings: a TOML table read strictly into frozen dataclasses, and back.

A key that is not known, of the wrong type or out of range is an error that names the file, the key
and the nearest valid key: a misspelt setting must never be a default in silence. Types are those
that the dataclass says: str, int, float, bool, tuples of one type, other dataclasses, `BySource`.
A dataclass checks its own ranges in `__post_init__` and raises ValueError.
"""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from omi2.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class BySource:
    """A setting by `problem_source`: the exact name, else `augmented`, else `default`."""

    values: tuple[tuple[str, Any], ...]

    def of(self, source: str) -> Any:
        """The value for problems of this source."""
        table = dict(self.values)
        for key in (source, "augmented" if source.startswith("augmented_") else "default"):
            if key in table:
                return table[key]
        return table["default"]


def same(value: Any) -> BySource:
    """One value for every source: the default of a field."""
    return BySource((("default", value),))


def as_table(value: Any) -> Any:
    """A recipe, or a part of one, as plain dicts, lists and scalars (for manifests and hashes)."""
    if isinstance(value, BySource):
        return {key: as_table(inner) for key, inner in value.values}
    if dataclasses.is_dataclass(value):
        return {f.name: as_table(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [as_table(inner) for inner in value]
    return value


def read(kind: type[T], table: Mapping[str, Any], where: str, section: str) -> T:
    """A dataclass from a TOML table, every key and type checked."""
    hints = typing.get_type_hints(kind)
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    place = f"[{section}]" if section else "the top level"
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}"
            raise UsageError(f"{where}: {place} has no key {key!r}; {hint}")
    values = {
        key: _value(hints[key], value, where, f"{section}.{key}" if section else key, kind)
        for key, value in table.items()
    }
    try:
        return kind(**values)
    except TypeError:
        missing = [
            f.name
            for f in fields(kind)  # type: ignore[arg-type]
            if f.name not in values
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        raise UsageError(f"{where}: {place} lacks {', '.join(missing)}") from None
    except ValueError as error:
        raise UsageError(f"{where}: {place}: {error}") from None


def _value(hint: Any, value: Any, where: str, key: str, owner: type) -> Any:
    """One setting, checked against its type."""
    if dataclasses.is_dataclass(hint) and hint is not BySource:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: {key} is {value!r}: it is a section, [{key}]")
        return read(typing.cast(type, hint), value, where, key)
    if hint is BySource:
        default = next(f for f in fields(owner) if f.name == key.rsplit(".", 1)[-1])
        sample = typing.cast(Any, default.default_factory)().values[0][1]
        table = value if isinstance(value, dict) else {"default": value}
        full = {"default": sample, **table}
        return BySource(
            tuple((k, _value(type(sample), v, where, f"{key}.{k}", owner)) for k, v in full.items())
        )
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, list):
            raise UsageError(f"{where}: {key} is {value!r}: it is a list, [...]")
        return tuple(_value(inner, v, where, f"{key}[{i}]", owner) for i, v in enumerate(value))
    if isinstance(hint, types.UnionType):
        raise TypeError(f"{owner.__name__}.{key}: recipes have no unions")
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise UsageError(
            f"{where}: {key} is {value!r} ({type(value).__name__}): it needs {hint.__name__}"
        )
    return value


def at_least(name: str, value: float | BySource, least: float) -> None:
    """Raise ValueError for a value (or one of a table's) that is too small, or no finite number."""
    if isinstance(value, BySource):
        for source, one in value.values:
            at_least(f"{name}.{source}", one, least)
    elif not (value >= least and math.isfinite(value)):
        raise ValueError(f"{name} is {value}: at least {least}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError for a value that is none of these."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}: one of {', '.join(allowed)}")
