"""E-mail addresses, URLs, IP and MAC addresses."""

from __future__ import annotations

import re
from typing import Final

from ..classes import EntityType
from .scan import Anchor, Scan, run_before

# RFC 5321 4.1.2 Dot-string plus letters beyond ASCII (RFC 6531), at most 64 characters, read backwards from the @.
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]*")
_QUOTED_LOCAL = re.compile(r'"[^"\\\s]{1,62}"\Z')
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?![\w-])", re.IGNORECASE
)
# ann@acme.com5551234: what somebody put together without a space.
_GLUED_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}?(?:com|org|net|edu|gov|info|co\.uk)(?=\d)", re.IGNORECASE
)
_DOMAIN_LITERAL = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-fA-F:.]+)\]")
NOT_TOP: Final = frozenset(
    "png jpg jpeg gif svg webp css js ts php html htm json xml yml yaml txt log dll exe class jar".split()
)
_LEADING = "'*/=?^`{|}~-.!#$%&+"  # allowed in a local part, but at its start they belong to the text around it


def _email(scan: Scan, end: int) -> None:
    _address(scan, end - 1, end)


def _email_in_url(scan: Scan, end: int) -> None:
    """``?mail=ann%40acme.com``"""
    _address(scan, end - 3, end)


def _address(scan: Scan, at: int, end: int) -> None:
    text = scan.text
    domain = _DOMAIN.match(text, end) or _DOMAIN_LITERAL.match(text, end) or _GLUED_DOMAIN.match(text, end)
    if domain is None:
        return
    quoted = _QUOTED_LOCAL.search(text, max(0, at - 64), at) if text[at - 1 : at] == '"' else None
    start = quoted.start() if quoted else run_before(text, at, 64, _LOCAL)
    name = text[start:at]
    for cut in ("=", "//", ":", "|", "`", "{"):  # key=jo@x.org, mailto:...
        if (k := name.rfind(cut)) >= 0:
            start += k + len(cut)
            name = name[k + len(cut) :]
    trimmed = name.lstrip(_LEADING)
    start += len(name) - len(trimmed)
    name = trimmed.rstrip(".")
    if not name or len(name) != len(trimmed) or ".." in name:
        return
    top = domain[0].rpartition(".")[2].lower()
    if top in NOT_TOP or (name == "git" and text[domain.end() : domain.end() + 1] == ":"):
        return  # logo@2x.png, git@github.com:team/tool
    scan.add(start, domain.end(), EntityType.EMAIL, 0.95)


# --- IP ------------------------------------------------------------------------------------------------------------

_V6_LEFT = re.compile(r"[0-9A-Fa-f:]*")
_V6_RIGHT = re.compile(r"[0-9A-Fa-f:]{0,36}:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{0,39}")
_VERSION_WORD = re.compile(
    rb"(?:\b(?:version|versions|ver|release|rev|revision|build|firmware|update|upgrade|upgraded|upgrading|v|section"
    rb"|chapter|clause|oid|package|driver|sdk|api|runtime|kernel|library|python|java|node|chrome|safari|firefox"
    rb"|mozilla|webkit|applewebkit)\b[ :=/\"'-]{0,3}(?:to |from |is |number )?\Z)|[a-z_]+-\Z|\b[a-z]+/\Z"
)


def ipv4(scan: Scan, start: int, end: int) -> None:
    """Four octets: not a version, not part of a longer dotted thing."""
    text = scan.text
    for octet in text[start:end].split("."):
        if int(octet) > 255 or (len(octet) > 1 and octet[0] == "0"):
            return
    before = text[start - 1] if start else " "
    after = text[end : end + 2]
    if before.isalnum() or before in "._" or (before == "-" and text[start - 2 : start - 1].isalnum()):
        return
    if after[:1].isalnum() or after[:1] == "_" or (after[:1] in ".-" and after[1:].isalnum()):
        return
    if _VERSION_WORD.search(scan.buffer.lower, max(0, start - 24), start):
        return
    value = text[start:end]
    if value.startswith(("0.", "127.", "255.")) or value in ("1.1.1.1", "8.8.8.8", "8.8.4.4", "1.2.3.4"):
        return  # nobody's: this host, loopback, broadcast, public resolvers, the example everyone writes
    scan.add(start, end, EntityType.IP_ADDRESS, 0.85)


def _ipv6(scan: Scan, end: int) -> None:
    text = scan.text
    if scan.found and scan.found[-1].end >= end and scan.found[-1].type == EntityType.IP_ADDRESS:
        return  # a further anchor in the same address
    start = run_before(text, end, 39, _V6_LEFT)
    right = _V6_RIGHT.match(text, end)
    stop = right.end() if right else end
    if start and (text[start - 1].isalnum() or text[start - 1] in "_."):
        return
    if stop < len(text) and (text[stop].isalnum() or text[stop] == "_"):
        return
    value = text[start:stop]
    if value.endswith(":") and not value.endswith("::"):
        value = value[:-1]
    if value.startswith(":") and not value.startswith("::"):
        value = value[1:]
        start += 1
    groups = [g for g in value.split(":") if g]
    if len(groups) < 3 and not (len(groups) == 2 and len(value) > 7 and any(len(g) > 2 for g in groups)):
        return
    import ipaddress  # few texts hold an IPv6 address, and every start would pay for it

    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return
    scan.add(start, start + len(value), EntityType.IP_ADDRESS, 0.85)


# --- MAC -----------------------------------------------------------------------------------------------------------


def _mac(scan: Scan, end: int) -> None:
    _hardware(scan, end - 17, end)


def _mac_dotted(scan: Scan, end: int) -> None:
    _hardware(scan, end - 14, end)


def _hardware(scan: Scan, start: int, end: int) -> None:
    text = scan.text
    if start and (text[start - 1].isalnum() or text[start - 1] in ":-._"):
        return
    if end < len(text) and (text[end].isalnum() or (text[end] in ":-._" and text[end + 1 : end + 2].isalnum())):
        return
    value = text[start:end]
    if len(set(value[2::3] if len(value) == 17 else ".")) != 1:
        return
    digits = value.replace(":", "").replace("-", "").replace(".", "").lower()
    if digits in ("000000000000", "ffffffffffff"):
        return
    if len(value) == 14 and not any(c in "abcdef" for c in digits):
        return
    scan.add(start, end, EntityType.MAC_ADDRESS, 0.9)


# --- URL -----------------------------------------------------------------------------------------------------------

_URL_REST = re.compile(r"[^\s<>\"'`\x00\x01{}|\\^\[\]]+")
_URL_SCHEMES = ("https", "http", "ftps", "ftp", "sftp")
_PERSONAL = re.compile(
    r"[?&;/](?:u|user|users|user_?name|user_?id|uid|login|email|mail|e|phone|name|member|members|profile|profiles|people|person"
    r"|customer|patient|account|accounts|author|in|~[\w.-]+|@[\w.-]+)(?:[=/]|$)|//[^/@\s]+@|@|%40|/~|/@|[?&][^=&#\s]+=",
    re.IGNORECASE,
)
_PROFILES = re.compile(
    r"(?:^|\.)(?:facebook|instagram|twitter|x|linkedin|tiktok|github|gitlab|youtube|medium|reddit|pinterest|snapchat|t)"
    r"\.(?:com|me)/[\w@.~/-]{2,}",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'\")]}>*_"


def url_end(text: str, start: int) -> int:
    """Where a URL that begins at ``start`` ends: up to white space or quotes, without the sentence's punctuation."""
    match = _URL_REST.match(text, start)
    if match is None:
        return start
    end = match.end()
    while end > start and text[end - 1] in _TRAILING:
        if text[end - 1] == ")" and text.count("(", start, end) >= text.count(")", start, end):
            break
        end -= 1
    return end


def _url(scan: Scan, end: int) -> None:
    text = scan.text
    head = text[max(0, end - 8) : end - 3].lower()
    scheme = next((s for s in _URL_SCHEMES if head.endswith(s)), None)
    if scheme is None:
        return
    start = end - 3 - len(scheme)
    if start and (text[start - 1].isalnum()):
        return
    stop = url_end(text, end)
    _report_url(scan, start, end, stop)


def _www(scan: Scan, end: int) -> None:
    text, start = scan.text, end - 4
    if start and (text[start - 1].isalnum() or text[start - 1] in "/.@-_"):
        return
    _report_url(scan, start, end, url_end(text, end))


# Names set aside for documentation and tests (RFC 2606): nobody's, unless a person stands behind them.
_RESERVED: Final = re.compile(r"(?:\A|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)\Z", re.IGNORECASE)


def _report_url(scan: Scan, start: int, host: int, stop: int) -> None:
    text = scan.text
    name = re.split(
        r"[/?#:]", text[host:stop].rpartition("@")[2] if "@" in text[host:stop] else text[host:stop], maxsplit=1
    )[0]
    if len(name) < 3 or "." not in name or name.startswith("127."):
        return
    personal = _PERSONAL.search(text, host, stop) or _PROFILES.search(text, host, stop)
    if not personal and (scan.strict or _RESERVED.search(name)):
        return
    scan.add(start, stop, EntityType.URL, 0.85 if personal else 0.6)


ANCHORS: Final = (
    Anchor("@", _email),
    Anchor("%40", _email_in_url),
    Anchor(":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:", _ipv6),
    Anchor("[0-9A-Fa-f]::", _ipv6),
    Anchor("::[0-9A-Fa-f]", _ipv6),
    Anchor("(?:[0-9A-Fa-f]{2}[:\\-]){5}[0-9A-Fa-f]{2}", _mac),
    Anchor("[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}", _mac_dotted),
    Anchor("://", _url),
    Anchor("www\\.", _www, caseless=True),
)
