"""``cqrs.yaml`` read and checked, with every problem named by file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from .alerting import misplaced_labels
from .config import Config
from .setting_types import KEY

Key = tuple[str | int, ...]

_CONFIG = TypeAdapter(Config)
_DEFAULTS = _CONFIG.dump_python(Config(), by_alias=True)


@dataclass(frozen=True)
class Problem:
    """One thing to mend; ``line`` counts from 1."""

    line: int
    key: str
    text: str


class ConfigError(Exception):
    """A configuration that cannot be used; the text lists all problems, one a line."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        super().__init__(
            "\n".join(
                f"{path}:{problem.line}: {f'{problem.key}: ' if problem.key else ''}{problem.text}"
                for problem in sorted(problems, key=lambda problem: problem.line)
            )
        )


def read_config(path: Path) -> Config:
    """The configuration in a file; what it leaves out has the default.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or has keys or values that are no good.
    """
    node = _parse(path)
    if node is None:
        return Config()
    lines: dict[Key, int] = {}
    problems = list(_collect_lines(node, (), lines, frozenset()))
    try:
        values = yaml.SafeLoader("").construct_document(node)
    except (yaml.MarkedYAMLError, ValueError) as error:  # ValueError: a date that is none
        raise ConfigError(path, [*problems, _not_yaml(error)]) from None
    if not isinstance(values, dict):
        problem = Problem(1, "", "expected keys and values, such as group_labels: [job]")
        raise ConfigError(path, [problem])
    try:
        config = _CONFIG.validate_python(_merge(_DEFAULTS, values), by_alias=True, by_name=False)
    except ValidationError as error:
        problems += [_explain(detail, lines) for detail in error.errors()]
        raise ConfigError(path, problems) from None
    problems += [
        Problem(_line(key, lines), _spell(key), text) for key, text in misplaced_labels(config)
    ]
    if problems:
        raise ConfigError(path, problems)
    return config


def _parse(path: Path) -> yaml.Node | None:
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        raise ConfigError(path, [Problem(1, "", text)]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, [Problem(1, "", "is not UTF-8 text")]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(path, [_not_yaml(error)]) from None


def _not_yaml(error: yaml.YAMLError | ValueError) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        tab = "'\\t'" in str(error.problem)
        text = "a tab; indent with spaces" if tab else error.problem
        return Problem(error.problem_mark.line + 1, "", f"is not YAML: {text}")
    return Problem(1, "", f"is not YAML: {error}")


def _collect_lines(
    node: yaml.Node, key: Key, lines: dict[Key, int], open_nodes: frozenset[int]
) -> Iterator[Problem]:
    """Fill ``lines`` with each key's line; yield what YAML allows and we do not."""
    line = node.start_mark.line + 1
    lines.setdefault(key, line)
    if id(node) in open_nodes:
        yield Problem(line, _spell(key), "refers to itself")
        return
    inner = open_nodes | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _collect_lines(child, (*key, index), lines, inner)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name, child in node.value:
            at = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode) or name.tag != "tag:yaml.org,2002:str":
                yield Problem(at, _spell(key), "has a key that is not plain text")
                continue
            path = (*key, name.value)
            if name.value in seen:
                yield Problem(
                    at, _spell(path), f"is there twice, first in line {seen[name.value]}; keep one"
                )
            seen.setdefault(name.value, at)
            lines[path] = at
            yield from _collect_lines(child, path, lines, inner)


def _merge(default: Any, given: Any) -> Any:
    """``given`` laid over ``default``, section by section."""
    if isinstance(default, Mapping) and given is None:
        return default  # a section whose keys are all commented out
    if not isinstance(default, Mapping) or not isinstance(given, Mapping):
        return given
    return {**default, **{key: _merge(default.get(key), given[key]) for key in given}}


def _explain(detail: Any, lines: dict[Key, int]) -> Problem:
    key: Key = (*detail["loc"], *detail.get("ctx", {}).get(KEY, ()))
    line = _line(key, lines)
    if detail["type"] == "unexpected_keyword_argument":
        return Problem(line, _spell(key), f"is not a key that is known here{_hint(key)}")
    if detail["type"] == "dataclass_type":
        return Problem(line, _spell(key), "has to be a section of keys and values")
    message = detail["msg"].removeprefix("Value error, ")
    message = message.replace("Input should", "has to").replace("valid tuple", "list")
    # A section's own rule names its keys; the section whole would only hide them.
    value = "" if isinstance(detail["input"], Mapping) else f"{detail['input']!r} is no good: "
    return Problem(line, _spell(key), f"{value}{message}")


def _line(key: Key, lines: dict[Key, int]) -> int:
    """The line of a key, or of what it is in."""
    return next(lines[key[:n]] for n in range(len(key), -1, -1) if key[:n] in lines)


def _hint(key: Key) -> str:
    section: Any = _DEFAULTS
    for part in key[:-1]:
        if isinstance(section, Mapping):
            section = section[part]
    if not isinstance(section, Mapping):
        return ""  # in a list, of which the defaults may have no item
    close = difflib.get_close_matches(str(key[-1]), section, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(section)}"


def _spell(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
