"""How a server is reached: its address, who asks, and which certificates are trusted."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx


class AccessError(Exception):
    """A server cannot be reached with these settings; the text says why and how to fix it."""


@dataclass(frozen=True)
class Access:
    """Address of a server and what it requires of its clients.

    Args:
        url: Address with or without a path prefix; credentials in it are used and never printed.
        headers: Sent with every request, such as ``X-Scope-OrgID``.
        token: Bearer token.
        user: Name and password, for basic authentication.
        ca_file: Certificates to trust in place of the system's.
        certificate: Files of the client's certificate and of its key.
        verified: False to accept any certificate of the server.
    """

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    token: str | None = field(default=None, repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    verified: bool = True

    @property
    def address(self) -> str:
        """The address without credentials, for messages.

        Raises:
            AccessError: It is not an address.
        """
        return str(self._parsed().copy_with(username=None, password=None)).rstrip("/")

    def client(self, timeout: float) -> httpx.Client:
        """A client of this server; requests name paths below the address.

        Raises:
            AccessError: It is not an address, a file cannot be read, or a value cannot be sent.
        """
        parsed = self._parsed()
        if self.token and self.user:
            raise AccessError("a bearer token and a user name are both set; keep one of them")
        in_address = (parsed.username, parsed.password) if parsed.username else None
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            return httpx.Client(
                base_url=self.address,
                auth=self.user or (None if self.token else in_address),
                headers={**dict(self.headers), **bearer},
                timeout=timeout,
                verify=self._trust(),
                follow_redirects=True,
            )
        except UnicodeEncodeError:
            raise AccessError("a header or the token is not plain ASCII text") from None

    def _parsed(self) -> httpx.URL:
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise AccessError(f"{self._shown!r} is not an address: {error}") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise AccessError(
                f"{self._shown!r} is not an address of Prometheus; "
                "write it as http://localhost:9090"
            )
        return parsed

    @property
    def _shown(self) -> str:
        """What was given, without what may be credentials."""
        return re.sub(r"//[^/]*@", "//…@", self.url)

    def _trust(self) -> ssl.SSLContext | bool:
        if not (self.ca_file or self.certificate):
            return self.verified
        files = ", ".join(str(each) for each in (self.ca_file, *(self.certificate or ())) if each)
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate:
                context.load_cert_chain(*self.certificate)
        except (OSError, ssl.SSLError) as error:
            raise AccessError(f"{files}: cannot be used as certificates: {error}") from None
        if not self.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
