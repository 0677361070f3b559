"""Published key formats of several dozen issuers: one made-up key of each, its placeholder, and its near misses."""

from __future__ import annotations

import random

import pytest

from gloveport.guardrails.masking.detect.secrets import formats

_RANDOM = random.Random(7)


def mixed(count: int) -> str:
    """Letters and digits, at least one digit."""
    return (
        "".join(_RANDOM.choice("ABCDEFGHJKMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789") for _ in range(count - 2))
        + "7a"
    )


def lower_hex(count: int) -> str:
    return "".join(_RANDOM.choice("0123456789abcdef") for _ in range(count - 2)) + "4f"


KEYS = {
    "aws": "AKIA" + "QW3ERTYU7OPASDFG",
    "google": "AIza" + mixed(35),
    "google oauth": "ya29." + mixed(60),
    "google client": "GOCSPX-" + mixed(28),
    "alibaba": "LTAI" + mixed(20),
    "digitalocean": "dop_v1_" + lower_hex(64),
    "databricks": "dapi" + lower_hex(32),
    "github": "ghp_" + mixed(36),
    "github fine": "github_pat_" + mixed(82),
    "gitlab": "glpat-" + mixed(20),
    "atlassian": "ATATT3" + mixed(80),
    "npm": "npm_" + mixed(36),
    "pypi": "pypi-AgE" + mixed(80),
    "rubygems": "rubygems_" + lower_hex(48),
    "docker": "dckr_pat_" + mixed(27),
    "vault": "hvs." + mixed(30),
    "pulumi": "pul-" + lower_hex(40),
    "age": "AGE-SECRET-KEY-1" + mixed(58).upper(),
    "newrelic": "NRAK-" + mixed(27).upper(),
    "sentry": "sntrys_" + mixed(60),
    "grafana": "glsa_" + mixed(32) + "_" + lower_hex(8),
    "postman": "PMAK-" + lower_hex(24) + "-" + lower_hex(34),
    "anthropic": "sk-ant-api03-" + mixed(90),
    "openai project": "sk-proj-" + mixed(48),
    "openai": "sk-" + mixed(48),
    "huggingface": "hf_" + mixed(34),
    "groq": "gsk_" + mixed(52),
    "replicate": "r8_" + mixed(37),
    "perplexity": "pplx-" + mixed(48),
    "stripe": "sk_live_" + mixed(24),
    "stripe webhook": "whsec_" + mixed(32),
    "shopify": "shpat_" + lower_hex(32),
    "square": "sq0atp-" + mixed(22),
    "razorpay": "rzp_live_" + mixed(14),
    "easypost": "EZAK" + mixed(54),
    "shippo": "shippo_live_" + lower_hex(40),
    "slack": "xoxb-" + "123456789012-" + mixed(24),
    "slack hook": "hooks.slack.com/services/T0AB12CD3/B0AB12CD3/" + mixed(24),
    "sendgrid": "SG." + mixed(22) + "." + mixed(43),
    "mailgun": "key-" + lower_hex(32),
    "brevo": "xkeysib-" + lower_hex(64) + "-" + mixed(16),
    "twilio": "SK" + lower_hex(32),
    "hubspot": "pat-na1-" + "a1b2c3d4-e5f6-a7b8-c9d0-" + lower_hex(12),
    "notion": "ntn_" + mixed(46),
    "linear": "lin_api_" + mixed(40),
    "figma": "figd_" + mixed(40),
    "tailscale": "tskey-auth-" + mixed(30),
    "netlify": "nfp_" + mixed(40),
    "planetscale": "pscale_tkn_" + mixed(43),
    "telegram": "123456789:AA" + mixed(33),
    "mailchimp": lower_hex(32) + "-us14",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + mixed(43),
}


@pytest.mark.parametrize("issuer", KEYS)
@pytest.mark.parametrize("frame", ["use {} please", 'key = "{}"', "X={}\n", "({})", "see {}, ok"])
def test_key(find, issuer: str, frame: str) -> None:
    found = find(frame.format(KEYS[issuer]))
    assert len(found) == 1
    kind, value = found[0]
    assert kind == "SECRET"
    assert value in KEYS[issuer] or KEYS[issuer] in value
    assert len(value) >= len(KEYS[issuer]) - 5


@pytest.mark.parametrize("issuer", ["aws", "github", "gitlab", "stripe", "slack", "sendgrid", "npm", "huggingface"])
def test_part_of_a_longer_word_or_a_placeholder(find, issuer: str) -> None:
    key = KEYS[issuer]
    assert find(f"a{key}" if key[0].isalpha() else key) == [] or issuer == "slack"
    assert find(key[:6] + "x" * (len(key) - 6)) == []
    assert find(key[:4] + "EXAMPLE" + key[11:]) == []


PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(mixed(64) for _ in range(6)) + "\n-----END RSA PRIVATE KEY-----"


def test_pem(find) -> None:
    assert find(f"key:\n{PEM}\nend") == [("SECRET", PEM)]


def test_pem_that_is_cut_off(find) -> None:
    cut = PEM[:200]
    found = find(f"log {cut}")
    assert found[0][0] == "SECRET"
    assert len(found[0][1]) > 150


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "eyJhb",
        "eyJ.eyJ.x",
    ],
)
def test_public_material(find, text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize("rest", sorted({rest for _, rest in (*formats._FORMATS, *formats._INNER)}))
def test_every_format_is_an_expression(rest: str) -> None:
    assert formats._compiled(rest).groups == 0  # compiled at first use only: a slip would wait for a user's key
