"""Prometheus' own file format for HTTP clients, as promtool takes it with ``--http.config.file``.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from .access import Access, AccessError

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_CLOSED)
class _Basic:
    username: str = ""
    username_file: Path | None = None
    password: str = ""
    password_file: Path | None = None


@dataclass(frozen=True, config=_CLOSED)
class _Authorization:
    credentials: str = ""
    credentials_file: Path | None = None
    type: Literal["Bearer"] = "Bearer"


@dataclass(frozen=True, config=_CLOSED)
class _Tls:
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, config=_CLOSED)
class _Header:
    values: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, config=_CLOSED)
class _HttpConfig:
    basic_auth: _Basic | None = None
    authorization: _Authorization | None = None
    tls_config: _Tls = field(default_factory=_Tls)
    http_headers: Mapping[str, _Header] = field(default_factory=dict)


_ADAPTER = TypeAdapter(_HttpConfig)


def read_http_config(path: Path, url: str) -> Access:
    """Access to ``url`` as a file describes it; paths in the file are relative to it.

    Raises:
        AccessError: The file, or one that it names, cannot be read, or has an unsupported key.
    """
    found = _parse(path)
    tls, folder = found.tls_config, path.parent
    if bool(tls.cert_file) != bool(tls.key_file):
        raise AccessError(f"{path}: tls_config: cert_file and key_file are needed together")
    pair, bearer, basic = (tls.cert_file, tls.key_file), found.authorization, found.basic_auth
    return Access(
        url,
        headers=tuple(
            (name, value)
            for name, header in found.http_headers.items()
            for value in (
                *header.values, *header.secrets, *(_read(folder / each) for each in header.files),
            )
        ),
        token=_either(bearer.credentials, bearer.credentials_file, folder) if bearer else None,
        user=(
            _either(basic.username, basic.username_file, folder),
            _either(basic.password, basic.password_file, folder),
        ) if basic else None,
        ca_file=folder / tls.ca_file if tls.ca_file else None,
        certificate=(folder / pair[0], folder / pair[1]) if pair[0] and pair[1] else None,
        verified=not tls.insecure_skip_verify,
    )  # fmt: skip


def _parse(path: Path) -> _HttpConfig:
    try:
        content: Any = yaml.safe_load(_read(path)) or {}
        return _ADAPTER.validate_python(content)
    except yaml.YAMLError as error:
        # Its text quotes the file, which has secrets.
        why = getattr(error, "problem", None) or "it cannot be parsed"
        raise AccessError(f"{path}: is not YAML: {why}") from None
    except ValidationError as error:
        detail = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, detail["loc"]))
        if detail["type"] == "unexpected_keyword_argument":
            raise AccessError(f"{path}: {key} is not supported here") from None
        raise AccessError(f"{path}: {key}: {detail['msg']}") from None


def _either(text: str, file: Path | None, folder: Path) -> str:
    return _read(folder / file) if file else text


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise AccessError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AccessError(f"{path}: is not UTF-8 text") from None
