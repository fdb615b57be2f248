"""Which hosts may be spoken to, and at which addresses."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3.exceptions import HTTPError

from desk.channels.gate import AddressRefused, Exchange, HostList, is_public
from tests.channels import graph_server as graph
from tests.channels.graph_server import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with graph.running() as provider:
        yield provider


def an_exchange(*hosts: str) -> Exchange:
    return Exchange(HostList(hosts), deadline_s=2, connect_s=1, read_s=1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_private_and_wrapped_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["157.240.27.54", "2a03:2880:f21c:80c1:face:b00c:0:32c2", "::ffff:157.240.27.54"])
def test_the_providers_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.facebook.com/x",
        "https://graph.facebook.com:8443/x",
        "https://graph.facebook.com.evil.example/x",
        "https://evil.example/graph.facebook.com",
        "https://graph.facebook.com@evil.example/x",
        "https://user@graph.facebook.com/x",
        "https://graph.facebook.com\\.evil.example/",
        "https://graph.facebook.com%2eevil.example/",
        "https://gräph.facebook.com/",
        "https://graph.facebook.com:99999/",
        "https:///x",
        "graph.facebook.com",
    ],
)
def test_an_address_that_only_looks_listed_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        HostList(["graph.facebook.com"]).check_url(url)


@pytest.mark.parametrize("url", ["https://graph.facebook.com/v25.0/1?x=y", "https://GRAPH.facebook.com:443/"])
def test_a_listed_address_passes(url: str) -> None:
    HostList(["graph.facebook.com"]).check_url(url)


@pytest.mark.parametrize("entry", ["", "user@host", "host/path", "host:port", "host:99999"])
def test_a_list_with_something_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError):
        HostList([entry])


def test_a_listed_name_that_leads_to_a_private_address_is_not_connected_to() -> None:
    with an_exchange("localhost") as exchange, pytest.raises(AddressRefused):
        exchange.request("GET", "https://localhost/")

    assert not exchange.has_connected


def test_a_rehearsal_host_must_be_this_machine() -> None:
    hosts = HostList(["8.8.8.8:8090"])

    hosts.check_url("http://8.8.8.8:8090/")
    with pytest.raises(AddressRefused):
        hosts.resolve("8.8.8.8", 8090)


def test_a_fault_in_the_handshake_counts_as_not_connected(provider: Provider) -> None:
    with an_exchange(provider.host) as exchange, pytest.raises(requests.exceptions.SSLError):
        exchange.request("GET", f"https://{provider.host}/")

    assert not exchange.has_connected
    assert provider.asked == []


def test_the_environments_proxy_is_not_used(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    provider.script = {"/": [graph.says(200, {})]}

    with an_exchange(provider.host) as exchange, exchange.request("GET", provider.base_url) as response:
        assert response.status_code == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_provider(certificate: Path) -> Iterator[Provider]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with graph.running(context) as provider:
        yield provider


def test_a_certificate_nobody_vouches_for_ends_before_the_token_is_sent(tls_provider: Provider) -> None:
    with an_exchange(tls_provider.host) as exchange, pytest.raises(requests.exceptions.SSLError):
        exchange.request("GET", f"https://{tls_provider.host}/", headers={"Authorization": "Bearer x"})

    assert not exchange.has_connected
    assert tls_provider.asked == []


def test_a_drip_over_tls_ends_at_the_deadline_too(tls_provider: Provider, certificate: Path) -> None:
    tls_provider.script = {"/": [graph.drips(b"x" * 1000)]}
    hosts = HostList([tls_provider.host])
    began_s = time.monotonic()

    with (
        Exchange(hosts, deadline_s=0.5, connect_s=1, read_s=1) as exchange,
        exchange.request("GET", f"https://{tls_provider.host}/", verify=str(certificate)) as response,
        pytest.raises(HTTPError),
    ):
        response.raw.read()

    assert exchange.is_over
    assert 0.4 < time.monotonic() - began_s < 2
