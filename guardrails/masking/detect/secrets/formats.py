"""Key formats that their issuers publish: a fixed prefix, an alphabet, a length.

Facts from the issuers' documentation. Each entry is the literal an anchor looks for and the whole expression, matched
where the literal begins.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from ...classes import EntityType
from ..scan import Anchor, Handler, Scan, run_before

# (literal prefixes, rest of the expression)
_FORMATS: Final[tuple[tuple[str, str], ...]] = (
    # cloud
    ("AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}"),  # AWS access key ids
    ("AIza", r"[\w-]{35}"),  # Google API
    ("ya29.", r"[\w-]{20,}"),  # Google OAuth access
    ("GOCSPX-", r"[\w-]{28}"),  # Google OAuth client
    ("1//0", r"[\w-]{40,}"),  # Google OAuth refresh
    ("LTAI", r"[A-Za-z0-9]{12,26}"),  # Alibaba Cloud
    ("AKID", r"[A-Za-z0-9]{32}"),  # Tencent Cloud
    ("AQVN", r"[\w-]{35,38}"),  # Yandex Cloud
    ("doo_v1_ dop_v1_ dor_v1_", r"[a-f0-9]{64}"),  # DigitalOcean
    ("HRKU-AA", r"[\w-]{58}"),  # Heroku
    ("fo1_ fm1_ fm2_", r"[\w+/=-]{40,}"),  # Fly.io
    ("nfp_", r"[A-Za-z0-9]{36,}"),  # Netlify
    ("rnd_", r"[A-Za-z0-9]{24,}"),  # Render
    ("sbp_", r"[a-f0-9]{40}"),  # Supabase
    ("pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.=-]{32,64}"),  # PlanetScale
    ("dapi", r"[a-f0-9]{32}(?:-\d)?"),  # Databricks
    ("tskey-", r"[a-z]+-[A-Za-z0-9-]{20,}"),  # Tailscale
    # source code and packages
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{36,251}"),  # GitHub
    ("github_pat_", r"[A-Za-z0-9_]{70,}"),
    ("glpat- gldt- glrt- glptt- glft- glsoat- glimt- glagent- glcbt- gloas-", r"[\w-]{20,}"),  # GitLab
    ("ATATT3", r"[A-Za-z0-9_=-]{60,}"),  # Atlassian
    ("ATCTT3", r"[A-Za-z0-9_=-]{60,}"),
    ("ATBB", r"[A-Za-z0-9]{32}"),  # Bitbucket
    ("npm_", r"[A-Za-z0-9]{36}"),
    ("pypi-AgE", r"[\w-]{50,}"),
    ("rubygems_", r"[a-f0-9]{48}"),
    ("cio", r"[a-zA-Z0-9]{32}"),  # crates.io
    ("oy2", r"[a-z0-9]{43}"),  # NuGet
    ("dckr_pat_ dckr_oat_", r"[\w-]{27,}"),  # Docker
    ("sgp_", r"(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}"),  # Sourcegraph
    ("CFPAT-", r"[\w-]{43}"),  # Contentful
    # secrets stores and infrastructure
    ("hvs. hvb. hvr.", r"[\w-]{24,}"),  # HashiCorp Vault
    (".atlasv1.", r"[\w-]{60,}"),  # Terraform Cloud, from the middle on
    ("pul-", r"[a-f0-9]{40}"),  # Pulumi
    ("dp.pt. dp.st. dp.sa. dp.ct. dp.scim. dp.audit.", r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),  # Doppler
    ("AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    ("ops_eyJ", r"[A-Za-z0-9+/=_-]{100,}"),  # 1Password service account
    ("A3-", r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),  # 1Password
    ("NRAK- NRJS- NRII- NRRA-", r"[A-Za-z0-9-]{19,42}"),  # New Relic
    ("sntrys_ sntryu_", r"[A-Za-z0-9+/=_-]{40,}"),  # Sentry
    ("glsa_", r"[A-Za-z0-9]{32}_[a-fA-F0-9]{8}"),  # Grafana
    ("glc_eyJ", r"[A-Za-z0-9+/=]{40,}"),
    ("dt0c01. dt0s01.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),  # Dynatrace
    ("phx_", r"[A-Za-z0-9]{43,}"),  # PostHog
    ("PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}"),  # Postman
    ("pnu_", r"[A-Za-z0-9]{36}"),  # Prefect
    ("lsv2_pt_ lsv2_sk_", r"[a-f0-9]{32}_[a-f0-9]{10}"),  # LangSmith
    ("sdk- api- mob-", r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}"),  # LaunchDarkly
    # models
    ("sk-ant-", r"[\w-]{24,}"),  # Anthropic
    ("sk-proj- sk-svcacct- sk-admin- sk-None-", r"[\w-]{20,}"),  # OpenAI
    ("sk-or-v1-", r"[a-f0-9]{64}"),  # OpenRouter
    ("sk-", r"(?=[A-Za-z]*\d)[A-Za-z0-9]{32,64}"),  # OpenAI before 2024, and many who copy it
    ("hf_", r"[A-Za-z0-9]{34,40}"),  # Hugging Face
    ("api_org_", r"[A-Za-z]{34}"),
    ("gsk_", r"[A-Za-z0-9]{48,56}"),  # Groq
    ("r8_", r"[A-Za-z0-9]{37}"),  # Replicate
    ("pplx-", r"[A-Za-z0-9]{48,56}"),  # Perplexity
    ("xai-", r"[A-Za-z0-9]{60,}"),  # xAI
    # payments and shops
    ("sk_live_ sk_test_ rk_live_ rk_test_", r"[A-Za-z0-9]{16,}"),  # Stripe
    ("whsec_", r"[A-Za-z0-9+/=]{24,}"),
    ("shpat_ shpca_ shppa_ shpss_ shptka_", r"[a-fA-F0-9]{32}"),  # Shopify
    ("sq0atp- sq0csp- sq0idp-", r"[\w-]{22,43}"),  # Square
    ("EAAA", r"[\w-]{60}"),
    ("access_token$production$", r"[0-9a-z]{16}\$[0-9a-f]{32}"),  # Braintree
    ("rzp_live_ rzp_test_", r"[A-Za-z0-9]{14,}"),  # Razorpay
    ("FLWSECK-", r"[\w-]{12,}-X"),  # Flutterwave
    ("EZAK EZTK", r"[A-Za-z0-9]{54}"),  # EasyPost
    ("shippo_live_ shippo_test_", r"[a-f0-9]{40}"),
    ("duffel_live_ duffel_test_", r"[\w=-]{43}"),
    # talk and mail
    ("xoxb- xoxa- xoxp- xoxr- xoxs- xoxe- xoxo-", r"[A-Za-z0-9.-]{10,}"),  # Slack
    ("xapp-", r"\d-[A-Z0-9]+-\d+-[a-f0-9]{40,}"),
    ("hooks.slack.com/", r"(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,}"),
    ("discord.com/api/webhooks/ discordapp.com/api/webhooks/", r"\d{17,20}/[\w-]{60,}"),
    (".webhook.office.com/webhookb2/", r"[A-Za-z0-9@/-]{60,}"),
    ("SG.", r"[\w-]{20,24}\.[\w-]{39,50}"),  # SendGrid
    ("key-", r"[0-9a-f]{32}"),  # Mailgun
    ("xkeysib- xsmtpsib-", r"[a-f0-9]{64}-[a-zA-Z0-9]{16}"),  # Brevo
    ("SK", r"[0-9a-f]{32}"),  # Twilio
    ("pat-na1- pat-eu1-", r"[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"),  # HubSpot
    ("tfp_", r"[\w.-]{59}"),  # Typeform
    ("EAACEdEose0cBA", r"[A-Za-z0-9]{10,}"),  # Facebook
    ("EAAB EAAC EAAG EAAM", r"[A-Za-z0-9]{80,}"),
    ("AAAAAAAAAAAAAAAAAAAAA", r"[\w%]{40,}"),  # X (Twitter) app only
    # office
    ("secret_", r"[A-Za-z0-9]{43}"),  # Notion
    ("ntn_", r"[A-Za-z0-9]{43,50}"),
    ("lin_api_ lin_oauth_", r"[A-Za-z0-9]{40,64}"),  # Linear
    ("figd_", r"[\w-]{40,}"),  # Figma
    ("sl.", r"[\w-]{130,152}"),  # Dropbox
    ("PMAT-", r"[0-9A-Z]{26}"),
    ("rdme_", r"[a-z0-9]{70}"),
)

# Formats without a fixed beginning: the literal stands inside, the expression is matched from the word's start.
_INNER: Final[tuple[tuple[str, str], ...]] = (
    (":AA", r"\d{8,10}:AA[\w-]{33}"),  # Telegram bot
    ("8Q~", r"[A-Za-z0-9_~.]{3}8Q~[\w~.-]{31,34}"),  # Microsoft Entra client secret
    ("-us", r"[0-9a-f]{32}-us\d{1,2}"),  # Mailchimp
    ("T3BlbkFJ", r"sk-[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}"),  # OpenAI
)
_WORD_LEFT: Final = re.compile(r"[\w~.:-]*")

_JWT: Final = re.compile(r"eyJ[\w-]{8,}\.(?:eyJ)?[\w-]{4,}(?:\.[\w-]{4,}|\.)?(?:\.[\w-]+){0,2}")
_AIRTABLE: Final = re.compile(r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}")
_DISCORD: Final = re.compile(r"[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,38}")
_PEM: Final = re.compile(
    r"-----BEGIN (?P<what>[A-Z0-9 ]{0,40}(?:PRIVATE KEY(?: BLOCK)?))-----(?P<body>.{0,16000}?)"
    r"(?:-----END (?P=what)-----|(?=\x00)|\Z)",
    re.DOTALL,
)
_PEM_BODY: Final = re.compile(r"[A-Za-z0-9+/=\s\\rn:,.\"'-]{16,16000}")
_PUTTY: Final = re.compile(r"Private-Lines: \d+\s(?:[A-Za-z0-9+/=]+\s){1,60}(?:Private-MAC: [0-9a-f]+)?")
_PLACEHOLDER: Final = re.compile(
    r"(?i)x{6,}|\.{3}|\*{3}|example|your[_-]?|<|placeholder|changeme|dummy|0{12,}|1234567890abc"
)


def placeholder(value: str) -> bool:
    """A value that only shows where a secret would stand: ``AKIAXXXXXXXXXXXXXXXX``."""
    return _PLACEHOLDER.search(value) is not None or len(set(value)) < 5


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compiled when its literal is first seen: most never are, and every start would pay for a hundred."""
    return re.compile(expression)


def _prefixed(literal: str, rest: str) -> Handler:
    whole = re.escape(literal) + rest
    width = len(literal)
    free = not (literal[0].isalnum())

    def handle(scan: Scan, end: int) -> None:
        text, start = scan.text, end - width
        if start and not free and (text[start - 1].isalnum() or text[start - 1] == "_"):
            return
        match = _compiled(whole).match(text, start)
        if match is None or (match.end() < len(text) and text[match.end()].isalnum()):
            return
        if placeholder(match[0][width:]) or not any(c.isdigit() for c in match[0][width:]):
            return
        if free:
            start = _left(text, start)
        scan.add(start, match.end(), EntityType.SECRET, 0.95)

    return handle


def _left(text: str, start: int) -> int:
    return run_before(text, start, 90, _WORD_LEFT)


def _inner(rest: str) -> Handler:
    def handle(scan: Scan, end: int) -> None:
        text = scan.text
        match = _compiled(rest).search(text, _left(text, end), min(len(text), end + 90))
        if match is None or match.end() < end or placeholder(match[0]):
            return
        start = match.start()
        if start and (text[start - 1].isalnum() or text[start - 1] == "_"):
            return
        scan.add(start, match.end(), EntityType.SECRET, 0.95)

    return handle


def _jwt(scan: Scan, end: int) -> None:
    text, start = scan.text, end - 3
    if start and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        return
    match = _JWT.match(text, start)
    if match is not None and len(match[0]) >= 30:
        scan.add(start, match.end(), EntityType.SECRET, 0.95)


def _airtable(scan: Scan, end: int) -> None:
    start = end - 18
    match = _AIRTABLE.match(scan.text, start)
    if match is not None and not scan.text[start - 1 : start].isalnum():
        scan.add(start, match.end(), EntityType.SECRET, 0.95)


def _discord(scan: Scan, end: int) -> None:
    start = _left(scan.text, end - 8)
    match = _DISCORD.match(scan.text, start)
    if match is not None and any(c.isdigit() for c in match[0][:24]):
        scan.add(start, match.end(), EntityType.SECRET, 0.9)


def _pem(scan: Scan, end: int) -> None:
    match = _PEM.match(scan.text, end - 11)
    if match is None:
        return
    body = match["body"]
    if len(body.strip()) < 16 or placeholder(body.strip()[:60]):
        return
    stop = match.end()
    if not match[0].endswith("-----"):  # cut off: as far as it looks like key material
        rest = _PEM_BODY.match(scan.text, match.start("body"))
        stop = rest.end() if rest else match.start("body")
    scan.add(match.start(), stop, EntityType.SECRET, 0.99)


def _putty(scan: Scan, end: int) -> None:
    match = _PUTTY.match(scan.text, end - 15)
    if match is not None:
        scan.add(match.start(), match.end(), EntityType.SECRET, 0.99)


def _literal(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", text)


ANCHORS: Final[tuple[Anchor, ...]] = (
    *(Anchor(_literal(prefix), _prefixed(prefix, rest)) for group, rest in _FORMATS for prefix in group.split()),
    *(Anchor(_literal(literal), _inner(rest)) for literal, rest in _INNER),
    Anchor("eyJ", _jwt),
    Anchor("pat[A-Za-z0-9]{14}\\.", _airtable),
    Anchor("\\.[A-Za-z0-9_\\-]{6}\\.", _discord),
    Anchor("-----BEGIN ", _pem),
    Anchor("Private-Lines: ", _putty),
)
