"""The settings as a user reads them: key, present value, meaning."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import yaml

from .alerting import ALERTS
from .config import Config
from .files import GENERATED_BY
from .promql import number
from .setting_types import Labels


@dataclass(frozen=True)
class Setting:
    """One key of a section; ``value`` is a plain value, a list, or a nested section."""

    key: str
    value: Any
    description: str

    @property
    def yaml(self) -> str:
        """The key with its present value on one line of YAML."""
        return f"{self.key}: {_spell(self.value)}"


def settings_of(section: Any) -> tuple[Setting, ...]:
    """The settings of one section of the configuration, in their order."""
    return tuple(
        Setting(info.alias or name, getattr(section, name), info.description or "")
        for name, info in section.__pydantic_fields__.items()
    )


def render_example() -> str:
    """A ``cqrs.yaml`` that documents every key with its default."""
    lines = [
        f"# {GENERATED_BY} example: every key of cqrs.yaml with its default.",
        "# A file needs only the keys that it changes.",
    ]
    explained: set[str] = set()
    for setting in settings_of(Config()):
        lines += ["", f"# {_sentence(setting.description)}"]
        lines += _lines(setting, "", explained)
    return "\n".join(lines) + "\n"


def _lines(setting: Setting, indent: str, explained: set[str]) -> list[str]:
    """A setting and what is in it; each text once, because alerts share most of their keys."""
    if not dataclasses.is_dataclass(setting.value):
        comment = "" if not indent or setting.description in explained else setting.description
        explained.add(setting.description)
        if _holds_sections(setting.value):
            return [
                f"{indent}{setting.key}:  # {comment}",
                *_items(setting.value, indent, explained),
            ]
        return [f"{indent}{setting.yaml}" + (f"  # {comment}" if comment else "")]
    lines = [f"{indent}{setting.key}:"]
    for inner in settings_of(setting.value):
        if dataclasses.is_dataclass(inner.value):
            lines.append(f"{indent}  # {_sentence(inner.description or _summary(inner.key))}")
        lines += _lines(inner, f"{indent}  ", explained)
    return lines


def _items(sections: Any, indent: str, explained: set[str]) -> list[str]:
    """Sections without a name, one a line; what their keys mean stands above the first."""
    notes = [each for each in settings_of(sections[0]) if each.description not in explained]
    explained.update(setting.description for setting in notes)
    return [
        *(f"{indent}  # {setting.key}: {setting.description}" for setting in notes),
        *(f"{indent}  - {_spell(each)}" for each in sections),
    ]


def _holds_sections(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(_is_section, value))


def _is_section(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and hasattr(value, "__pydantic_fields__")


def _summary(key: str) -> str:
    return next(alert.summary for alert in ALERTS if alert.section == "alerts" and alert.key == key)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _spell(value: Any) -> str:
    """A value as YAML, which JSON is; text without quotes where YAML does not need them."""
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value)
    if _is_section(value):
        return f"{{{', '.join(setting.yaml for setting in settings_of(value))}}}"
    if isinstance(value, Labels):
        return json.dumps(dict(value))
    if isinstance(value, tuple):
        items = (_spell(each) if _is_section(each) else json.dumps(str(each)) for each in value)
        return f"[{', '.join(items)}]"
    return number(value) if isinstance(value, float) else json.dumps(value)


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"[{text}]") == [text])
    except yaml.YAMLError:
        return False
