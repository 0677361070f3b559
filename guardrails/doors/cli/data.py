"""`gloveport scan` and `gloveport mask`: the engine that masks results, as Unix filters."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from .common import FINDING, UserError, configuration

if TYPE_CHECKING:
    from ...masking.detect import Detector, Span

_MASKS: Final = re.compile(r"\[masked:[a-z][a-z0-9_]{0,39}\]")

StructuredOption = Annotated[
    bool, typer.Option("--structured-only", help="Only values with a form of their own: no names, no places.")
]


def scan(
    structured_only: StructuredOption = False,
    threshold: Annotated[float, typer.Option("--threshold", min=0, max=1, help="Leave out less sure findings.")] = 0.5,
) -> None:
    """Find personal data and secrets: JSONL {"id","text"} in, JSONL {"id","spans":[[start,end,"TYPE",score]]} out.

    Offsets count code points; end is exclusive. Lines that cannot be read are named on stderr; exit code 1 then.
    """
    from ...masking.detect import Detector
    from . import streams

    detector = Detector(threshold=threshold)
    number, failed = 0, False
    for block in streams.lines():
        rows: list[_Row] = []
        for line in block:
            number += 1
            if not line.strip():
                continue
            row = _row(line)
            if isinstance(row, str):
                failed = True
                sys.stderr.write(f"gloveport: stdin: line {number}: {row}\n")
            else:
                rows.append(row)
        if rows:
            found = detector.scan_many([row.text for row in rows], structured_only=structured_only)
            streams.write(b"".join(_answer(row, spans) for row, spans in zip(rows, found, strict=True)))
    if failed:
        raise typer.Exit(FINDING)


class _Row(NamedTuple):
    id: object
    text: str


def _row(line: bytes) -> _Row | str:
    """A line of the input, or what is wrong with it."""
    from .streams import LONGEST_LINE

    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE >> 20} MB; split its text"
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return 'not valid JSON; each line is an object as in {"id": "1", "text": "..."}'
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):  # pyright: ignore[reportUnknownMemberType]
        return 'no object with a "text" that is a string, as in {"id": "1", "text": "..."}'
    return _Row(value.get("id"), value["text"])  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def _answer(row: _Row, spans: list[Span]) -> bytes:
    found = [[s.start, s.end, str(s.type), round(s.score, 3)] for s in spans]
    return json.dumps({"id": row.id, "spans": found}, separators=(",", ":")).encode("ascii") + b"\n"


def mask(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Mask with this configuration's key: the same tokens as in its databases."),
    ] = None,
    structured_only: StructuredOption = False,
) -> None:
    """Mask a text: text in, masked text out.

    Without --config every value found becomes [masked:CLASS]. With it, values become the tokens of that configuration.
    """
    from . import streams

    with _redacting(structured_only) if config is None else _tokenising(config, structured_only) as masked:
        for block in streams.blocks():
            text = block.decode("utf-8", "surrogateescape")
            streams.write(masked(text).encode("utf-8", "surrogateescape"))


@contextmanager
def _redacting(structured_only: bool) -> Generator[Callable[[str], str]]:
    from ....tools.tool import TokenSpan
    from ...masking.detect import Detector

    detector: Detector = Detector()

    def skip(text: str) -> list[TokenSpan]:
        return [TokenSpan(m.start(), m.end(), "") for m in _MASKS.finditer(text)] if "[masked:" in text else []

    def masked(text: str) -> str:
        parts: list[str] = []
        at = 0
        for span in detector.scan(text, structured_only=structured_only, skip=skip):
            parts += (text[at : span.start], f"[masked:{span.class_name}]")
            at = span.end
        return "".join((*parts, text[at:]))

    yield masked


@contextmanager
def _tokenising(config: Path, structured_only: bool) -> Generator[Callable[[str], str]]:
    """The masker of a server with that configuration. Raises `UserError` where its key or vault cannot be had."""
    from ....recordings.ids import new_id
    from ...call import Caller
    from ...credentials import Credentials
    from ...identity import Identification, IdentityError
    from ...masking.content import ContentMasker
    from ...masking.detect import Detector
    from ...masking.duties import Duties
    from ...masking.restore import Restored
    from ...masking.tokens.service import KeyUnusable, Scope, Tokens, VaultUnavailable

    _, settings = configuration(config)
    try:
        identification = Identification(settings.identity, Credentials(settings.identity.credentials))
        identity = identification.identify(Caller(transport="cli", client="gloveport-cli"))
        tokens = Tokens.open(settings.masking.key, settings.masking.vault)
    except IdentityError as error:
        raise UserError(f"{config}: {error.message}") from None
    except (KeyUnusable, VaultUnavailable) as error:
        raise UserError(f"{config}: {error}") from None
    purpose = identity.purpose.value if identity.purpose else ""
    scope = Scope(settings.masking.tenant, identity.principal, purpose, new_id(), settings.masking.scope)
    content = ContentMasker(Detector(), tokens)

    def masked(text: str) -> str:
        done = content.for_call(Duties(), scope, Restored()).cells([text], [None], free=not structured_only)[0]
        tokens.flush_now()  # a token is given out when its value can be had back
        return done

    try:
        yield masked
    except VaultUnavailable as error:
        raise UserError(f"{config}: {error}") from None
    finally:
        tokens.close()
