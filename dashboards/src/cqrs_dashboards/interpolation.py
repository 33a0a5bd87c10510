"""References to variables in a query, replaced as Grafana replaces them for Prometheus.

``preview/static/interpolate.js`` does the same in the browser; one table of tests holds for both.
https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

_REFERENCE = re.compile(
    r"\$(\w+)|\$\{(\w+)(?:\.[\w.]+)?(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]", re.ASCII
)
_REGEX_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")
ALL = "$__all"


@dataclass(frozen=True)
class Choice:
    """A variable and what is chosen of it.

    ``options`` are what All stands for, unless ``all_value`` is set, which goes in as it is.
    """

    values: Sequence[str]
    multi: bool = False
    options: Sequence[str] = ()
    all_value: str | None = None


def interpolate(text: str, choices: Mapping[str, Choice]) -> str:
    """The text of a query with every known reference replaced; others stay as they are."""

    def replaced(found: re.Match[str]) -> str:
        plain, braced, braced_format, squared, squared_format = found.groups()
        choice = choices.get(plain or braced or squared)
        if choice is None:
            return found[0]
        return _format(choice, braced_format or squared_format or "prometheus")

    return _REFERENCE.sub(replaced, text)


def _format(choice: Choice, name: str) -> str:
    is_all = ALL in choice.values
    if is_all and choice.all_value:
        return quote(choice.all_value, safe="") if name == "percentencode" else choice.all_value
    values = choice.options if is_all else choice.values
    if name == "prometheus":
        return _for_prometheus(values, multi=choice.multi)
    return _FORMATS.get(name, _glob)(values)


def _for_prometheus(values: Sequence[str], *, multi: bool) -> str:
    if not multi:
        return ",".join(map(_escape_string, values))
    return _alternatives([_escape_string(_escape_regex(each)) for each in values])


def _alternatives(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"({'|'.join(values)})"


def _glob(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{{{','.join(values)}}}"


def _quoted(mark: str) -> Callable[[Sequence[str]], str]:
    return lambda values: ",".join(
        f"{mark}{each.replace(mark, chr(92) + mark)}{mark}" for each in values
    )


def _json(values: Sequence[str]) -> str:
    value = values[0] if len(values) == 1 else list(values)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _escape_regex(text: str) -> str:
    return _REGEX_SPECIAL.sub(r"\\\g<0>", text)


def _escape_string(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_FORMATS: dict[str, Callable[[Sequence[str]], str]] = {
    "regex": lambda values: _alternatives(list(map(_escape_regex, values))),
    "pipe": "|".join,
    "csv": ",".join,
    "raw": ",".join,
    "glob": _glob,
    "json": _json,
    "doublequote": _quoted('"'),
    "singlequote": _quoted("'"),
    "percentencode": lambda values: quote(_glob(values), safe=""),
}
