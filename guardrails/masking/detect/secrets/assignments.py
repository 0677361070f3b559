"""Credentials behind a name: ``password = "..."``, ``api_key: ...``, ``<secret>..</secret>``, ``Bearer ...``."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from ...classes import EntityType
from ..scan import Anchor, Handler, Scan, run_before
from .values import Name, Setting, score

_NAME_LEFT: Final = re.compile(r"[\w.$-]*")
_NAME_RIGHT: Final = re.compile(r"[\w-]{0,32}(?:\.[\w-]{1,32})*")
_QUOTE: Final = "\"'`"
# What may stand between a name and its value. The type of a declaration (`: str =`) counts as nothing.
_TIE: Final = re.compile(
    r"(?:\\?[\"'`]|\]|\[\])*[ \t]{0,4}"
    r"(?:(?P<call>\()|(?P<tag>>)"
    r"|(?P<sign>=>|:=|===?|:(?:[ \t]*(?:[\w.<>]+\??)[ \t]*(?:=|\|))?|=|->)"
    r"|(?P<comma>,)|(?P<spoken>"
    r"(?:[ \t]+(?:for|to|of|on)(?:[ \t]+[\w.@-]+){1,4})?"
    r"[ \t]+(?:is|was|are|will be|ist|est|es|c'est|è|é|lautet|jest|är)"
    r"(?:[ \t]+(?:now|currently|set to|still))?:?(?=[ \t]))"
    r"|(?P<bare>(?=[ \t])))[ \t]{0,4}(?:\r?\n[ \t]{0,12})?",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(
    r"(?:[bru@$]|new String\(|str\(|bytes\()?\\?(?P<q>[\"'`])(?P<value>(?:(?!\\?(?P=q))[^\n\x00]){1,400})\\?(?P=q)"
)
_BARE: Final = re.compile(r"[^\s\"'`,;<>()\x00\x01]{4,400}")
_XML: Final = re.compile(r"\s*(?:<!\[CDATA\[)?(?P<value>[^<>\s\x00]{4,400})\s*(?:\]\]>)?</")
_LINE_START: Final = re.compile(r"(?:^|[\n\x00?&;|{,]|\A|--|\bexport |\bset |\bENV |- )[ \t]*(?:[\w.$-]*[\"']?)?\Z")
_LOGIN: Final = re.compile(r"\blogin \S+ \Z")
# What is a credential even where only a space ties it to its name: all kinds of characters, or a long random string.
_STRIKING: Final = re.compile(
    r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)(?=\S*[!#%&*+=?@^~$_-])(?!\w*[({\[<])[^\s/:()]{8,40}"
    r"|(?=\w*\d)(?=\w*[a-f])[0-9a-f]{32,64}|(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d\D*\d)[A-Za-z0-9_-]{24,}"
)
# "the password in the vault is wrong, it should be ...": some words on, of a form that little else has.
_SAID: Final = re.compile(
    r"[^\n\x00\"'`=]{2,48}?[ (](?P<value>(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)(?=\S*[!#%&*+?@^~$_])(?!\S*@[\w-]+\.)"
    r"[^\s/:(){}\[\]<>,;\"'`]{8,40})(?=[\s,;.)]|\Z)"
)
_TRAILING: Final = ".,;:!?)]}>\\"


def _assignment(kind: Name) -> Handler:
    """A recogniser for the value that stands behind a name with the anchor's word in it."""

    def handle(scan: Scan, end: int) -> None:
        text = scan.text
        right = _NAME_RIGHT.match(text, end)
        start = run_before(text, end, 48, _NAME_LEFT)
        stop = right.end() if right else end
        if _VALUES_SEEN in scan.notes and scan.notes[_VALUES_SEEN] >= stop:
            return
        tie = _TIE.match(text, stop)
        if tie is None:
            return
        scan.notes[_VALUES_SEEN] = stop
        name = text[start:stop].strip(".-$")
        found = _value(text, tie, start, flag=text.startswith("--", start))
        if found is None:
            if kind is Name.PASSWORD and (said := _SAID.match(text, stop)) is not None:
                scan.add(*said.span("value"), EntityType.SECRET, 0.7)
            return
        begin, finish, setting = found
        if _nested(scan, start, finish) > _MOST_NESTED:
            return
        probability = score(name, kind, setting, text[begin:finish])
        if probability >= 0.5:
            scan.add(begin, finish, EntityType.SECRET, probability)

    return handle


_VALUES_SEEN: Final = "assignment"
_VALUE_END, _NESTED = "assignment end", "assignments inside"
_MOST_NESTED: Final = 8  # a value of 400 characters may hold fifty names: they are not all judged


def _nested(scan: Scan, start: int, finish: int) -> int:
    """How many names in a row stood inside one and the same value."""
    notes = scan.notes
    if start < notes.get(_VALUE_END, 0):
        notes[_NESTED] += 1
    else:
        notes[_VALUE_END], notes[_NESTED] = finish, 0
    return notes[_NESTED]


def _value(text: str, tie: re.Match[str], name_start: int, flag: bool) -> tuple[int, int, Setting] | None:
    at = tie.end()
    if tie["tag"]:
        tagged = _XML.match(text, at)
        return (*tagged.span("value"), Setting.QUOTED) if tagged else None
    quoted = _QUOTED.match(text, at)
    if quoted:
        begin, finish = quoted.span("value")
        if tie["bare"] is not None and not flag:
            return None
        scheme = _SCHEME.match(text, begin, finish)
        return (scheme.end() if scheme else begin, finish, Setting.QUOTED)
    if tie["call"] or tie["comma"]:
        return None
    scheme = _SCHEME.match(text, at)
    bare = _BARE.match(text, scheme.end() if scheme else at)
    if bare is None:
        return None
    begin, finish = bare.span()
    while finish > begin and text[finish - 1] in _TRAILING:
        finish -= 1
    if (cut := text.find("&", begin, finish)) > begin and text[name_start - 1 : name_start] in ("?", "&"):
        finish = cut
    if tie["spoken"] is not None:
        return begin, finish, Setting.SPOKEN
    if tie["bare"] is not None:  # --password hunter2, machine h login u password p
        if flag or _LOGIN.search(text, max(0, name_start - 80), name_start):
            return begin, finish, Setting.CONFIG
        return (begin, finish, Setting.SPOKEN) if _STRIKING.fullmatch(text, begin, finish) else None
    configured = _LINE_START.search(text, max(0, name_start - 40), name_start) is not None
    return begin, finish, Setting.CONFIG if configured else Setting.CODE


# --- headers, cookies, connection strings --------------------------------------------------------------------------

_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest)[ \t]+", re.IGNORECASE)
_BEARER: Final = re.compile(r"[A-Za-z0-9\-._~+/%]{16,2000}={0,2}")
_BASIC: Final = re.compile(r"[A-Za-z0-9+/]{8,400}={0,2}(?![A-Za-z0-9])")
_USERINFO: Final = re.compile(r"[^\s:/@\"'<>\x00\x01]{0,80}:(?P<value>[^\s@\"'<>\x00\x01]{1,200})@(?=[\w\[.-])")
_SAS: Final = re.compile(r"[A-Za-z0-9%+/]{40,120}={0,2}")
_ACCOUNT_KEY: Final = re.compile(r"[A-Za-z0-9+/]{40,90}={0,2}")
_CURL: Final = re.compile(r"[\"']?[\w.@-]{1,60}:(?P<value>[^\s\"':]{4,120})")
_PLACEHOLDERS: Final = re.compile(r"^(?:\$|<|\{|%|x+$|\*+$|\.+$|pass(?:word|wd)?$|pwd$|secret$|your)", re.IGNORECASE)


def _bearer(scan: Scan, end: int) -> None:
    match = _BEARER.match(scan.text, end)
    if (
        match is not None
        and any(c.isdigit() for c in match[0])
        and len(set(match[0])) > 7
        and "xxx" not in match[0].lower()
    ):
        scan.add(match.start(), match.end(), EntityType.SECRET, 0.85)


def _basic(scan: Scan, end: int) -> None:
    match = _BASIC.match(scan.text, end)
    if match is None:
        return
    try:
        plain = base64.b64decode(match[0] + "=" * (-len(match[0]) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if b":" in plain and all(32 <= c < 127 for c in plain):
        scan.add(match.start(), match.end(), EntityType.SECRET, 0.9)


def userinfo(scan: Scan, end: int) -> None:
    """``scheme://user:password@host``: the password."""
    match = _USERINFO.match(scan.text, end)
    if match is not None and not _PLACEHOLDERS.search(match["value"]):
        scan.add(match.start("value"), match.end("value"), EntityType.SECRET, 0.85)


def _signature(scan: Scan, end: int) -> None:
    match = _SAS.match(scan.text, end)
    if match is not None:
        scan.add(match.start(), match.end(), EntityType.SECRET, 0.9)


def _account_key(scan: Scan, end: int) -> None:
    match = _ACCOUNT_KEY.match(scan.text, end)
    if match is not None:
        scan.add(match.start(), match.end(), EntityType.SECRET, 0.95)


def _curl(scan: Scan, end: int) -> None:
    match = _CURL.match(scan.text, end)
    if match is not None and "curl" in scan.text[max(0, end - 200) : end] and not _PLACEHOLDERS.search(match["value"]):
        scan.add(match.start("value"), match.end("value"), EntityType.SECRET, 0.85)


def _joined(scan: Scan, end: int) -> None:
    """``mysql -u root -phunter2``: the flag and its value in one."""
    match = _JOINED_FLAG.match(scan.text, end)
    if match is not None and _CLIENTS.search(scan.buffer.lower, max(0, end - 120), end):
        scan.add(*match.span(), EntityType.SECRET, 0.85)


_JOINED_FLAG: Final = re.compile(r"[^\s\"'$|;<>-][^\s\"'|;<>]{3,80}")
_CLIENTS: Final = re.compile(rb"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass)\b[^\n]{0,100}\Z")


def _word(pattern: str, handler: Handler) -> Anchor:
    return Anchor(pattern, handler, caseless=True)


_NAMES: Final = (
    (
        Name.PASSWORD,
        (
            "passw",
            "pass_?phrase",
            "passcode",
            "pwd",
            "\\bpass\\b",
            "_pass\\b",
            "contrase[?n]a",
            "passwort",
            "mot de passe",
            "kennwort",
            "wachtwoord",
            "\\bpw\\b",
            "\\bpsk\\b",
            "\\bhas[?l]o\\b",
            "\\bsenha\\b",
            "l[?o]senord",
            "\\bmdp\\b",
            "adgangskode",
            "[?s]ifre\\b",
            "\\bparola\\b",
            "\\bheslo\\b",
            "\\bpin\\b",
        ),
    ),
    (
        Name.TELLING,
        (
            "secret",
            "token",
            "api[_\\-. ]?key",
            "access[_\\-. ]?key",
            "private[_\\-. ]?key",
            "credential",
            "snmp[_\\- ]community",
            "encryption[_\\-. ]?key",
            "signing[_\\-. ]?key",
            "master[_\\-. ]?key",
            "client[_\\-. ]?key",
            "consumer[_\\-. ]?key",
            "account[_\\-. ]?key",
            "service[_\\-. ]?key",
            "auth[_\\-. ]?key",
            "app[_\\-. ]?key",
            "license[_\\-. ]?key",
            "recovery[_\\-. ]?key",
            "recovery code",
            "subscription[_\\-. ]?key",
            "authorization",
        ),
    ),
    (
        Name.WEAK,
        (
            "[_\\-]key\\b",
            "\\bkey\\b",
            "session[_\\-]?id",
            "cookie",
            "sess",
            "\\bauth\\b",
            "salt",
            "nonce",
            "webhook",
            "dsn\\b",
        ),
    ),
)

ANCHORS: Final = (
    *(_word(pattern, _assignment(kind)) for kind, patterns in _NAMES for pattern in patterns),
    _word("bearer ", _bearer),
    _word("basic ", _basic),
    Anchor("://", userinfo),
    Anchor("[?&]sig=", _signature),
    Anchor("AccountKey=", _account_key),
    Anchor("SharedAccessKey=", _account_key),
    Anchor(" -u ", _curl),
    Anchor(" -p", _joined),
)
