"""Webhooks go to public addresses alone, and to the address that was checked."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts.developers import sending
from accounts.developers.sending import Outcome, Parcel
from tests import aio
from tests.receiver import Receiver, came, listening

# Each leads to the local host, or to a metadata service, in its own way. {port}: of a listening socket.
EVASIVE = [
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://ip6-localhost:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://0:{port}/",
    "https://2130706433:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0x7f.1:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::7f00:1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[::1%25lo]:{port}/",
    "https://１２７.０.０.１:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://127。0。0。1:{port}/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "https://user@127.0.0.1:{port}/",
    "https://example.com@127.0.0.1:{port}/",
    "https://example.com%40127.0.0.1:{port}/",
    "https://example.com#@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#.example.com/",
    "http://127.0.0.1:{port}/",
    "HTTPS://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "https://127.0.0.1\\@example.com:{port}/",
    "https:127.0.0.1:{port}",
    "https://:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/",
    "https://[fd00:ec2::254]/",
    "https://168.63.129.16/",
]


def sent(url: str) -> Outcome:
    async def once() -> Outcome:
        async with sending.new_client() as client:
            return await sending.send(client, Parcel(url, {"webhook-id": "msg_1"}, b"{}"))

    found: Outcome = aio.run(once)
    return found


@pytest.fixture
def ears(settings: Any) -> Iterator[list[socket.socket]]:
    """Sockets that listen at the local host, by IPv4 and by IPv6, at a port that is allowed."""
    settings.WEBHOOK_PRIVATE = False
    four = listening()
    port = four.getsockname()[1]
    six = listening(socket.AF_INET6, "::1", port)
    settings.WEBHOOK_PORTS = [443, port]
    yield [four, six]
    four.close()
    six.close()


@pytest.mark.parametrize("url", EVASIVE)
def test_no_connection_is_made_to_an_evasive_address(ears: list[socket.socket], url: str) -> None:
    outcome = sent(url.format(port=ears[0].getsockname()[1]))
    assert (outcome.status, outcome.taken) == (None, False)
    assert outcome.error in ("address_refused", "no_such_host")
    assert not any(map(came, ears))


def test_the_ears_would_have_heard_it(ears: list[socket.socket]) -> None:
    assert len(EVASIVE) >= 40
    for ear in ears:
        socket.create_connection(ear.getsockname()[:2]).close()
        assert came(ear)


@pytest.mark.parametrize("others", [["93.184.215.14", "10.0.0.1"], ["10.0.0.1", "93.184.215.14"], ["::1"]])
def test_a_host_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Any, others: list[str]
) -> None:
    settings.WEBHOOK_PRIVATE = False
    asked = named(monkeypatch, others)
    assert sent("https://hook.example/").error == "address_refused"
    assert asked == ["hook.example"]


def test_a_name_is_resolved_once_and_the_connection_goes_there(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A second answer, as a rebinding name server gives it, is never asked for."""
    settings.WEBHOOK_PRIVATE = True
    asked = named(monkeypatch, ["127.0.0.1"])
    with Receiver() as receiver:
        outcome = sent(receiver.url("/ok", host="hook.example"))
        assert (outcome.status, asked) == (200, ["hook.example"])
        assert receiver.taken[0].headers["host"] == f"hook.example:{receiver.server_address[1]}"


def named(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> list[str]:
    """A name server that knows one host; the list of what it was asked. Addresses need none."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "hook.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        families = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in answers]
        return [(f, socket.SOCK_STREAM, 6, "", (a, port)) for f, a in zip(families, answers, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "path, status",
    [("/ok", 200), ("/status/204", 204), ("/status/500", 500), ("/moved", 301), ("/status/410", 410)],
)
def test_an_answer_is_taken_as_it_is_and_no_redirect_is_followed(
    settings: Any, path: str, status: int
) -> None:
    settings.WEBHOOK_PRIVATE = True
    with Receiver() as receiver:
        outcome = sent(receiver.url(path))
        assert (outcome.status, outcome.error) == (status, "")
        assert [taken.path for taken in receiver.taken] == [path]


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_an_answer_after_an_hour_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, settings: Any, path: str
) -> None:
    settings.WEBHOOK_PRIVATE = True
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    with Receiver() as receiver:
        outcome = sent(receiver.url(path))
    assert (outcome.status, outcome.error) == (None, "timeout")
    assert outcome.milliseconds < 5000


def test_an_answer_of_two_gigabytes_is_not_read(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE = True
    with Receiver() as receiver:
        assert sent(receiver.url("/endless")).status == 200
        assert receiver.sent < 2**24  # type: ignore[attr-defined]  # what the system's buffers hold


def test_what_is_not_there_or_speaks_no_http(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE = True
    ear = listening()
    port = ear.getsockname()[1]
    ear.close()
    assert sent(f"http://127.0.0.1:{port}/").error == "connection_failed"
    assert sent("http://nowhere.invalid/").error == "no_such_host"
    with Receiver() as receiver:
        assert sent(receiver.url("/ok", scheme="https")).error == "tls_failed"


# ---------------------------------------------------------------- certificates


def certificate(folder: Path, host: str) -> Path:
    """A file with a key and a certificate of this name, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    plain = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    file = folder / f"{host}.pem"
    file.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("host, error", [("localhost", ""), ("other.example", "tls_failed")])
def test_the_certificate_is_checked_against_the_name_and_not_the_address(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path, host: str, error: str
) -> None:
    settings.WEBHOOK_PRIVATE = True
    file, asked = certificate(tmp_path, host), []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    monkeypatch.setattr(sending, "_tls", lambda: ssl.create_default_context(cafile=str(file)))
    with Receiver(tls) as receiver:
        outcome = sent(receiver.url("/ok", host="localhost", scheme="https"))
        assert (outcome.error, [taken.path for taken in receiver.taken]) == (error, [] if error else ["/ok"])
    assert asked == ["localhost"]
