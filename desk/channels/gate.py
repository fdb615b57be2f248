"""The one way out: HTTP to a listed set of hosts, at public addresses, within a total time.

Owns the allow-list, the check of the address a name resolves to (made at the moment of connecting, so a name that
changes its mind gains nothing), and the deadline, which also ends answers that drip one byte at a time. Redirects
are never followed here. What is asked and what an answer means is each channel's client's matter.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import connection as urllib3_connection

DEFAULT_PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address inside an IPv6 one


class AddressRefused(Exception):
    """This address is not on the list, or its name leads somewhere private. No connection was made."""


class HostList:
    """Hosts that may be spoken to.

    A bare name (`graph.facebook.com`) means https on port 443 at public addresses only. A name or address with a port
    (`127.0.0.1:8090`) is the rehearsal number: http or https, and only where it leads to this very machine.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._public: set[str] = set()
        self._rehearsal: set[tuple[str, int]] = set()
        for entry in entries:
            parts = urlsplit(f"//{entry}")
            if not parts.hostname or parts.username is not None or parts.path:
                raise ValueError(entry)
            if parts.port is None:
                self._public.add(parts.hostname)
            else:
                self._rehearsal.add((parts.hostname, parts.port))

    @property
    def has_rehearsal(self) -> bool:
        return bool(self._rehearsal)

    def check_url(self, url: str) -> None:
        """Raises AddressRefused unless scheme, host and port are listed as they stand."""
        if any(not "!" <= letter <= "~" or letter == "\\" for letter in url):
            raise AddressRefused("odd characters")
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            raise AddressRefused("malformed") from None
        if parts.scheme not in DEFAULT_PORTS or parts.username is not None or not parts.hostname or port is None:
            raise AddressRefused("malformed")
        self.check_target(parts.hostname, port, is_tls=parts.scheme == "https")

    def check_target(self, host: str, port: int, *, is_tls: bool) -> None:
        if (host, port) in self._rehearsal:
            return
        if not (is_tls and port == DEFAULT_PORTS["https"] and host in self._public):
            raise AddressRefused("not listed")

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses a listed host has now, all fit to connect to. Raises AddressRefused, socket.gaierror."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        is_fit = _is_loopback if (host, port) in self._rehearsal else is_public
        if not addresses or not all(is_fit(address) for address in addresses):
            raise AddressRefused("not a public address")
        return addresses


def is_public(address: str) -> bool:
    """Whether an address is reachable for everybody, also when it is wrapped in another family."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


class Exchange:
    """One conversation with a provider, ended after `deadline_s` whatever the other side does.

    A timer shuts the sockets down from outside, because a time-out per read never ends a drip. `has_connected` tells
    whether anything can have gone out. Use as a context manager; not shared between threads.
    """

    def __init__(self, hosts: HostList, *, deadline_s: float, connect_s: float, read_s: float) -> None:
        self._hosts = hosts
        self._ends_at_s = time.monotonic() + deadline_s
        self._connect_s, self._read_s = connect_s, read_s
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(deadline_s, self._shut_down)
        self._timer.daemon = True
        self._session = _session(self)
        self.has_connected = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self._let_go()

    def _let_go(self) -> None:
        """Close every connection at once: a server that has said goodbye may wait for ours before it serves others."""
        self._session.close()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    @property
    def remaining_s(self) -> float:
        return max(0.0, self._ends_at_s - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.remaining_s == 0.0

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request; the answer's body is not read yet. Raises AddressRefused, requests.RequestException."""
        self._hosts.check_url(url)
        self._let_go()  # a kept connection that died in between would look like a provider's fault
        timeout = (max(0.001, min(self._connect_s, self.remaining_s)), self._read_s)
        return self._session.request(method, url, timeout=timeout, stream=True, allow_redirects=False, **options)

    def open_socket(self, connection: HTTPConnection, *, is_tls: bool) -> socket.socket:
        """Connect to a checked address; called by urllib3 in place of its own way. Raises AddressRefused."""
        host = connection.host.lower().strip("[]")
        self._hosts.check_target(host, connection.port, is_tls=is_tls)
        try:
            addresses = self._hosts.resolve(host, connection.port)
        except socket.gaierror as error:
            raise NameResolutionError(host, connection, error) from error
        for address in addresses:
            try:
                opened = urllib3_connection.create_connection(
                    (address, connection.port),
                    max(0.001, min(self._connect_s, self.remaining_s)),
                    socket_options=connection.socket_options,
                )
            except TimeoutError as error:
                fault: NewConnectionError | ConnectTimeoutError = ConnectTimeoutError(connection, "connect timed out")
                fault.__cause__ = error
            except OSError as error:
                fault = NewConnectionError(connection, f"cannot connect: {error.strerror}")
                fault.__cause__ = error
            else:
                self._watch(opened)
                return opened
        raise fault

    def _watch(self, opened: socket.socket) -> None:
        # a duplicate, because wrapping for TLS takes the original away; shutting down reaches the connection itself
        with self._lock:
            self._watched.append(opened.dup())

    def _shut_down(self) -> None:
        with self._lock:
            for watched in self._watched:
                try:
                    watched.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was faster


class _PlainConnection(HTTPConnection):
    exchange: ClassVar[Exchange]

    def _new_conn(self) -> socket.socket:
        return self.exchange.open_socket(self, is_tls=False)

    def connect(self) -> None:
        super().connect()
        self.exchange.has_connected = True


class _TlsConnection(HTTPSConnection):
    exchange: ClassVar[Exchange]

    def _new_conn(self) -> socket.socket:
        return self.exchange.open_socket(self, is_tls=True)

    def connect(self) -> None:
        super().connect()
        self.exchange.has_connected = True


class _Adapter(HTTPAdapter):
    """requests' adapter with our own way of connecting; urllib3 takes the connection class from the pool class."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(max_retries=0)
        facts = {"exchange": exchange}
        plain = type("PlainConnection", (_PlainConnection,), facts)
        tls = type("TlsConnection", (_TlsConnection,), facts)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }


def _session(exchange: Exchange) -> requests.Session:
    session = requests.Session()
    session.headers["Connection"] = "close"
    session.trust_env = False  # no proxy and no .netrc: both would carry the token elsewhere
    adapter = _Adapter(exchange)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
