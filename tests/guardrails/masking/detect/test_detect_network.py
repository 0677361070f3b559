"""E-mail addresses, URLs, IP and MAC addresses: what counts, where it ends, and what only looks like one."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("write to ann@acme.com.", "ann@acme.com"),
        ("<ann.o'neil+tag@mail.acme.co.uk>", "ann.o'neil+tag@mail.acme.co.uk"),
        ("mailto:ann@acme.com?subject=hi", "ann@acme.com"),
        ("email=ann@acme.com&next=1", "ann@acme.com"),
        ("(ann_b@sub-domain.acme.io)", "ann_b@sub-domain.acme.io"),
        ("müller@köln.de schrieb", "müller@köln.de"),
        ("root@[192.168.7.9] bounced", "root@[192.168.7.9]"),
        ("'jo@x.org'", "jo@x.org"),
        ("ann@acme.com,bob", "ann@acme.com"),
        ("😀ann@acme.com😀", "ann@acme.com"),
        ("GET /reset?email=ann%40acme.com&t=1", "ann%40acme.com"),
        ("ann@acme.com5551234", "ann@acme.com"),
    ],
)
def test_email(find, text: str, value: str) -> None:
    assert ("EMAIL", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "logo@2x.png",
        "@ann hello",
        "a @ b.com",
        "git@",
        "ann@localhost",
        "x..y@acme.com",
        "package@1.2.3",
        "p@ss",
        "git@acme.com:team/tool",
        "deploy@web.eu1",
    ],
)
def test_no_email(find, text: str) -> None:
    assert [v for t, v in find(text) if t == "EMAIL"] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("from 93.184.216.34 port 22", "93.184.216.34"),
        ("host=10.4.7.12:8443", "10.4.7.12"),
        ("[2001:db8:85a3::8a2e:370:7334]:443", "2001:db8:85a3::8a2e:370:7334"),
        ("fe80::1ff:fe23:4567:890a%eth0", "fe80::1ff:fe23:4567:890a"),
        ("ip 2a02:810d:8a80:46d0:a1b2:c3d4:e5f6:789 seen", "2a02:810d:8a80:46d0:a1b2:c3d4:e5f6:789"),
        ("::ffff:93.184.216.34 mapped", "::ffff:93.184.216.34"),
    ],
)
def test_ip(find, text: str, value: str) -> None:
    assert ("IP_ADDRESS", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "version 10.4.7.12",
        "Chrome/126.0.64.127",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "10.04.7.12",
        "127.0.0.1",
        "std::vector::begin",
        "12:34:56",
        "package-10.4.7.12.tar.gz",
        "::1",
        "a::b",
    ],
)
def test_no_ip(find, text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize("value", ["00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e"])
def test_mac(find, value: str) -> None:
    assert find(f"via {value} eth0") == [("MAC_ADDRESS", value)]


@pytest.mark.parametrize(
    "value", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:1a:2b:3c:4d:5e:6f", "00:1a-2b:3c:4d:5e", "2026.1012.1355"]
)
def test_no_mac(find, value: str) -> None:
    assert [t for t, _ in find(f"via {value} eth0") if t == "MAC_ADDRESS"] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("see https://example.org/users/ann?id=7.", "https://example.org/users/ann?id=7"),
        ("(http://x.org/~ann/)", "http://x.org/~ann/"),
        ('href="https://facebook.com/ann.example"', "https://facebook.com/ann.example"),
        ("www.linkedin.com/in/ann-example, yes", "www.linkedin.com/in/ann-example"),
        ("https://en.wikipedia.org/wiki/User:Ann_(x)", "https://en.wikipedia.org/wiki/User:Ann_(x)"),
    ],
)
def test_url(detector, text: str, value: str) -> None:
    spans = detector.scan(text)
    assert value in [text[s.start : s.end] for s in spans if s.type == "URL"]


def test_open_columns_keep_urls_without_personal_parts(find, detector) -> None:
    assert find("https://example.org/docs/setup") == []
    assert [s.type for s in detector.scan("https://acme.org/docs/setup")] == ["URL"]
    assert detector.scan("https://example.org/docs/setup") == []  # set aside for documentation
    assert [s.type for s in detector.scan("https://example.org/users/ann?id=7")] == ["URL"]


@pytest.mark.parametrize(
    "text", ["http://localhost", "https://x", "httpx://a.b.c", "path//to//file", "www.", "awww.cute"]
)
def test_no_url(detector, text: str) -> None:
    assert [s for s in detector.scan(text) if s.type == "URL"] == []


def test_password_in_a_url_is_a_secret_of_its_own(find) -> None:
    assert ("SECRET", "hunter2zz") in find("postgresql://app:hunter2zz@db.acme.com:5432/prod")
