"""Whether a value that stands under a telling name is a credential: a small additive model in log odds.

Each feature adds or takes; the sum becomes a score through the logistic function. The weights are set by hand from what
the names and values of configuration files, code and mails look like; no corpus of leaked secrets went into them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import IntEnum
from typing import Final


class Name(IntEnum):
    """How much a name promises a credential."""

    WEAK = 0  # key, session, cookie, auth
    TELLING = 1  # token, secret, api key, credential
    PASSWORD = 2  # password, pwd, passphrase


class Setting(IntEnum):
    """How name and value are tied together."""

    CODE = 0  # a bare word behind an assignment: as likely a variable
    CONFIG = 1  # key=value or key: value that begins a line, a query or connection string
    QUOTED = 2  # name = "value", name("value"), <name>value</name>
    SPOKEN = 3  # the password is value


_BASE: Final = {Name.WEAK: -2.6, Name.TELLING: -1.2, Name.PASSWORD: 0.1}
_TIE: Final = {Setting.CODE: -1.6, Setting.CONFIG: 0.1, Setting.QUOTED: 0.4, Setting.SPOKEN: 0.2}

# Names that speak *about* a credential: their last word says what the value is.
_ABOUT: Final = frozenset(
    (
        "id ids name names url urls uri uris path paths file files filename dir directory type types length len "
        "size count "
        "field fields label labels hint hints expires expiry expiration expired ttl timeout header headers "
        "policy policies "
        "reset resets regex regexp pattern min max prompt placeholder error errors message messages valid validation "
        "validator enabled enable disabled disable required format encoder algorithm alg provider endpoint "
        "manager service list "
        "map index column columns schema limit version status state class page title help text description usage "
        "input form "
        "generator store storage location source mode method kind prefix suffix param params parameter parameters env "
        "variable arn ref reference at date time age rotation strength rule rules changed updated attempts "
        "attempt counter "
        "user username host port region bucket scope scopes issuer audience flow grant budget words cache based in "
        "tokens keys secrets passwords tokenizer iterations rounds digits chars characters confirmation confirm "
        "repeat again"
    ).split()
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PUBLIC: Final = re.compile(
    r"public|publishable|pub_?key|foreign|primary|sort|partition|cache_?key|keyword|keyboard|monkey|key_?code"
    r"|shortcut|hot_?key|i18n|translation|css|csrf_?name",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"^[x*._\-#•?0]+$|[<>{}]|\$\(|^\$|%\(|%s|\.\.\.|…|^\[|\]$|\\\(|^@|^:\w"
    r"|your|example|sample|change.?me|change.?it|placeholder|redacted|masked|removed|hidden|dummy"
    r"|insert|enter[_ -]|replace|todo|fixme"
    r"|xxx|abc123|foo|bar\b|default|undefined|not.?set|goes.?here|my[_-]?(?:pass|secret|token|key|api)|some[_-]?|fake|mock"
    r"|lorem|deadbeef|env[.:\[(]|process\.|getenv|environ|config[.\[(]|settings[.\[]|vault:|secretref|valuefrom|ssm:|arn:|!ref"
    r"|^test(?:ing)?[_-]?\w{0,8}$|_here$",
    re.IGNORECASE,
)
_WORDS: Final = frozenset(
    (
        "none null nil true false yes no on off string str text str1 int integer bool boolean object array any "
        "unknown void "
        "required optional password passwd pwd pass secret token key keys api apikey auth bearer basic digest "
        "user username "
        "login admin root guest public private protected static const final var let self this new return value "
        "values data "
        "type name id email hidden input file json xml html plain utf-8 utf8 base64 hex sha1 sha256 sha512 md5 "
        "hmac rsa aes "
        "refresh access session cookie header headers body query param params form default empty invalid valid "
        "error missing "
        "failed success expired disabled enabled local remote production staging development prod dev stage is "
        "not and or "
        "the a an to for with from of in it was has been be will must should can cannot at by as if else then "
        "reset change "
        "changed forgotten forgot policy manager field fields protected required incorrect wrong correct please again "
        "authentication authorization authorizationcode client_credentials oauth oauth2 jwt openid sso ldap saml "
        "ssl tls http https vault keychain keyring keystore env environment ask prompt rotate rotated rotation "
        "primary foreign"
    ).split()
)
_CODE: Final = re.compile(
    r"\w\(|\)$|^\w+(?:\.[a-zA-Z_]\w*)+\(?$|->|::|^\w+\[|^[a-z]+(?:[A-Z][a-z]+)+$|^[a-z]+(?:_[a-z]+)+$|^[A-Z]+(?:_[A-Z]+)+$|^&\w|^\*\w|\+$|^\+"
)
_PATH: Final = re.compile(
    r"^(?:https?:|file:|\.{0,2}/|~/|[A-Za-z]:\\)|^[\w.-]+(?:/[\w.-]+){2,}$|\.(?:pem|key|crt|json|ya?ml|txt|py|js)$"
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"[0-9a-f]{24,}|[0-9A-F]{24,}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_VERSION: Final = re.compile(r"v?\d+(?:\.\d+)+|\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\d{4}-\d\d-\d\d.*")


def about(name: str) -> bool:
    """``password_reset_url``, ``token_type``: the value describes a credential, it is none."""
    words = _WORD.findall(name)
    if [w.lower() for w in words[-2:]] == ["session", "id"]:
        return False
    return (bool(words) and words[-1].lower() in _ABOUT) or _PUBLIC.search(name) is not None


def entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits."""
    length = len(value)
    return -sum(n / length * math.log2(n / length) for n in Counter(value).values())


def score(name: str, kind: Name, tie: Setting, value: str) -> float:
    """The probability that ``value`` is a credential."""
    lowered = value.lower()
    if len(value) < 4 or lowered in _WORDS or _PLACEHOLDER.search(value) or lowered == name.lower():
        return 0.0
    if len(set(lowered)) < 3 or _VERSION.fullmatch(value):
        return 0.0
    odds = _BASE[kind] + _TIE[tie]
    if about(name):
        odds -= 3.0
    odds += _form_odds(kind, tie, value)
    return 1.0 / (1.0 + math.exp(-odds))


def _form_odds(kind: Name, tie: Setting, value: str) -> float:
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    mixed = value != value.lower() and value != value.upper()
    special = any(not c.isalnum() and c not in "_-." for c in value)
    length = len(value)
    odds = 0.0
    if _UUID.fullmatch(value):
        return 1.3
    if _PATH.search(value) and not (digits and mixed and length >= 20 and _BASE64.fullmatch(value)):
        return -3.5
    if _CODE.search(value) and not (digits and mixed and length >= 16):
        odds -= 2.2 if tie is not Setting.QUOTED or "(" in value or "." in value else 1.2
    if _HEX.fullmatch(value):
        return odds + 2.9
    if letters and digits:
        odds += 1.5
    elif digits:
        odds += 0.2 if kind is Name.PASSWORD and length <= 12 else -1.5
    elif not special:
        odds -= 0.4 if mixed and not value.istitle() else 1.0
    if mixed and digits:
        odds += 0.7
    if special:
        odds += 0.8
    if length >= 8:
        odds += 0.3
    if length >= 16:
        bits = entropy(value)
        odds += 1.2 if bits >= 3.7 else 0.3 if bits >= 3.2 else -1.0
        if length >= 20 and _BASE64.fullmatch(value) and digits and mixed:
            odds += 0.9
    if " " in value:
        odds -= 1.5 + 0.8 * value.count(" ")
    return odds
