"""Real-looking values for Hypothesis, right in every check digit."""

from __future__ import annotations

import string

from hypothesis import strategies as st

DIGITS = st.sampled_from(string.digits)


def digits(n: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=n, max_size=n)


@st.composite
def emails(draw: st.DrawFn) -> str:
    local = draw(st.text(string.ascii_letters + string.digits + "._+-'", min_size=1, max_size=20))
    host = draw(st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=20))
    return f"{local}@{host}.{draw(st.sampled_from(['com', 'org', 'de', 'co.uk', 'рф', 'example.com']))}"


@st.composite
def phones(draw: st.DrawFn) -> str:
    area, exchange, line = draw(st.integers(200, 998)), draw(st.integers(200, 999)), draw(digits(4))
    form = draw(
        st.sampled_from(
            ["+1 {}-{}-{}", "({}) {}-{}", "{}-{}-{}", "+44 {} {} {}", "0{}/{}{}", "+1{}{}{}", "+49 {} {}{} ext 12"]
        )
    )
    return form.format(area, exchange, line)


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["4", "51", "37", "6011", "35"])) + draw(digits(draw(st.integers(11, 14))))
    total = sum(int(c) if i % 2 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(reversed(body)))
    number = f"{body}{-total % 10}"
    gap = draw(st.sampled_from(["", " ", "-"]))
    return gap.join(number[at : at + 4] for at in range(0, len(number), 4))


@st.composite
def ssns(draw: st.DrawFn) -> str:
    gap = draw(st.sampled_from(["", " ", "-"]))
    return f"{draw(st.integers(1, 899)):03d}{gap}{draw(st.integers(1, 99)):02d}{gap}{draw(st.integers(1, 9999)):04d}"


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country, bank, length = draw(
        st.sampled_from([("DE", "", 18), ("GB", "NWBK", 14), ("FR", "", 23), ("NL", "ABNA", 10), ("MT", "MALT", 23)])
    )
    account = bank + draw(digits(length))
    spelt = "".join(c if c.isdigit() else str(ord(c) - 55) for c in f"{account}{country}00")
    iban = f"{country}{98 - int(spelt) % 97:02d}{account}"
    gap = draw(st.sampled_from(["", " "]))
    return gap.join(iban[at : at + 4] for at in range(0, len(iban), 4))


@st.composite
def macs(draw: st.DrawFn) -> str:
    octets = [f"{n:02x}" for n in draw(st.binary(min_size=6, max_size=6))]
    text = draw(st.sampled_from([":", "-"])).join(octets)
    return draw(st.sampled_from([text, text.upper()]))


@st.composite
def urls(draw: st.DrawFn) -> str:
    host = draw(st.sampled_from(["acme.com", "www.acme.org:8443", "intra", "10.0.0.1", "example.com"]))
    part = st.text(string.ascii_letters + string.digits + "-._~%", min_size=1, max_size=8)
    path = "".join(f"/{p}" for p in draw(st.lists(part, max_size=3)))
    query = draw(st.sampled_from(["", "?id=7", "?a=1&b=&c", "?q=x%20y"]))
    return (
        f"{draw(st.sampled_from(['http', 'https', 'ftp']))}://{host}{path}{query}{draw(st.sampled_from(['', '#top']))}"
    )
