"""The one home of argument validation: JSON Schema 2020-12, compiled once per tool, with complaints that hold no value.

The schemas are our own or an upstream server's; the arguments are an agent's. A complaint names the place and the rule,
never what stood there: it goes to the transcript and to the log of the host as well.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from loguru import logger

from ..tools.tool import JsonObject, JsonValue, ToolRefused, ToolSpec

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

DEEPEST: Final = 64  # levels of arrays and objects in one value
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_SAYS_NOTHING: Final = frozenset({"title", "description", "default", "examples"})  # keywords that refuse no value
_TYPES: Final = {"string": str, "integer": int, "boolean": bool}


class ArgumentError(ToolRefused):
    """The arguments do not fit the tool's input schema. ``place`` is the path, as in ``arguments.rows[2].name``."""

    def __init__(self, message: str, hint: str = "", *, place: str = "arguments") -> None:
        super().__init__("invalid-arguments", message, hint, place=place)


class Validators:
    """Checks arguments against input schemas. A compiled schema is kept as long as its tool spec is in use."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[JsonObject, _PlainSchema | None, Validator]] = {}

    def checked(self, spec: ToolSpec, arguments: JsonObject) -> JsonObject:
        """The arguments in their canonical form, fit for planning. Raises `ArgumentError`.

        Canonical: plain JSON with finite numbers of at most 64 bits, and an integer where the schema wants one and the
        agent wrote ``10.0``. Nothing is added; a tool knows its own defaults.
        """
        _check_plain(arguments)
        plain, validator = self._validators(spec)
        if plain is not None and plain.accepts(arguments):
            return dict(arguments)
        if (error := self._error(spec, validator, arguments)) is not None:
            place = _path(error.absolute_path)
            raise ArgumentError(f"{place} {_complaint(error)}.", _hint(spec), place=place)
        canonical = _canonical(arguments, spec.input_schema)
        assert isinstance(canonical, dict)
        return canonical

    def _error(self, spec: ToolSpec, validator: Validator, arguments: JsonObject) -> ValidationError | None:
        try:
            return _first(validator.iter_errors(arguments))
        except Exception as error:  # noqa: BLE001 - an upstream's schema: a reference to nowhere or to itself, a bad regex
            logger.warning("{}: its input schema cannot be used: {}", spec.name, type(error).__name__)
            raise ArgumentError("The arguments cannot be checked: the tool's input schema is unusable.") from None

    def _validators(self, spec: ToolSpec) -> tuple[_PlainSchema | None, Validator]:
        known = self._compiled.get(spec.name)
        if known is None or known[0] is not spec.input_schema:
            known = spec.input_schema, _PlainSchema.of(spec.input_schema), _compile(spec.input_schema)
            self._compiled[spec.name] = known
        return known[1:]


@dataclass(frozen=True, slots=True)
class _PlainSchema:
    """Of a schema that says no more than names and simple types: what it surely accepts. The rest is asked in full."""

    types: Mapping[str, type]
    required: frozenset[str]

    @classmethod
    def of(cls, schema: JsonObject) -> _PlainSchema | None:
        """None for a schema with any word that is not understood here."""
        if schema.keys() - _SAYS_NOTHING - {"properties", "required", "additionalProperties"} != {"type"}:
            return None
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if schema["type"] != "object" or not isinstance(properties, dict) or not isinstance(required, list):
            return None
        types: dict[str, type] = {}
        for name, one in properties.items():
            if not isinstance(one, dict) or one.keys() - _SAYS_NOTHING != {"type"}:
                return None
            kind = one["type"]
            if isinstance(kind, str) and kind in _TYPES:
                types[name] = _TYPES[kind]
        return cls(types, frozenset(str(name) for name in required))

    def accepts(self, arguments: JsonObject) -> bool:
        """Whether all is there, and each value is canonical already and exactly of its type."""
        return self.required <= arguments.keys() and all(
            self.types.get(name) is type(value) for name, value in arguments.items()
        )


def check_schema(schema: Mapping[str, object]) -> str | None:
    """Why this is not a usable input schema, in one line without its content, or None. For schemas from elsewhere."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if schema.get("type") != "object":
        return "the top of an input schema must be of type object"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"the input schema is malformed at {_path(error.absolute_path, 'inputSchema')}"
    return None


def _compile(schema: JsonObject) -> Validator:
    """No remote reference is ever fetched: an empty registry holds only the meta-schemas."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(schema, registry=Registry())


def _first(errors: Iterable[ValidationError]) -> ValidationError | None:
    """The error nearest to the top; of two there, not the unknown key: it is often a required one, misspelt."""
    return min(errors, key=lambda e: (len(e.absolute_path), e.validator == "additionalProperties"), default=None)


def _check_plain(value: JsonValue) -> None:
    """Refuse what is not plain JSON of bounded depth; iterative, so that no nesting can exhaust the stack."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                mapping = cast("dict[object, object]", item)
                below.extend(mapping)
                below.extend(mapping.values())
                if not all(isinstance(key, str) for key in mapping):
                    raise ArgumentError("A key of an object is not a string.")
            elif isinstance(item, list):
                below.extend(cast("list[object]", item))
            else:
                _check_scalar(item)
        if not below:
            return
        level = below
    raise ArgumentError(f"The arguments are nested deeper than {DEEPEST} levels.")


def _check_scalar(item: object) -> None:
    if isinstance(item, str):
        if not item.isascii() and any("\ud800" <= c <= "\udfff" for c in item):
            raise ArgumentError("A string holds half a surrogate pair, which is no text.")
    elif isinstance(item, bool) or item is None:
        return
    elif isinstance(item, int):
        if not -(2**63) <= item < 2**64:
            raise ArgumentError("A number does not fit into 64 bits.", "Send it as a string.")
    elif isinstance(item, float):
        if not math.isfinite(item):
            raise ArgumentError("A number is not finite.")
    else:
        raise ArgumentError("A value is not plain JSON.")


def _canonical(value: JsonValue, schema: JsonValue) -> JsonValue:
    """`value` with ``10.0`` written as ``10`` where the schema's own type says integer."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, float):
        return int(value) if schema.get("type") == "integer" and value.is_integer() else value
    if isinstance(value, dict):
        properties = schema.get("properties")
        known: Mapping[str, JsonValue] = properties if isinstance(properties, dict) else {}
        return {key: _canonical(item, known[key]) if key in known else item for key, item in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_canonical(item, schema["items"]) for item in value]
    return value


def _path(parts: Iterable[str | int], root: str = "arguments") -> str:
    shown = root
    for part in parts:
        shown += f"[{part}]" if isinstance(part, int) else f".{_name(part)}"
    return shown


def _name(key: str) -> str:
    """A key as it may be shown: an agent may put data into key names, so only what looks like a name is."""
    return key if _PLAIN_NAME.fullmatch(key) else "(a key)"


def _complaint(error: ValidationError) -> str:
    """What is wrong, by the schema's words alone."""
    rule, want = str(error.validator), cast("object", error.validator_value)
    match rule:
        case "type":
            names = [str(n) for n in cast("Sequence[object]", want)] if isinstance(want, list) else [str(want)]
            return f"must be of type {' or '.join(names)}"
        case "required":
            present = cast("Mapping[str, object]", error.instance)
            missing = [str(n) for n in cast("Sequence[object]", want) if n not in present]
            return f"lacks {', '.join(missing)}"
        case "additionalProperties" | "unevaluatedProperties":
            return _unknown_keys(error)
        case "enum":
            return f"must be one of: {', '.join(_shown(v) for v in cast('Sequence[object]', want))}"
        case "const":
            return f"must be {_shown(want)}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf":
            words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}
            return f"must be {words.get(rule, 'less than' if rule == 'exclusiveMaximum' else 'a multiple of')} {want}"
        case "minLength" | "maxLength":
            return f"must have at {'least' if rule == 'minLength' else 'most'} {want} characters"
        case "minItems" | "maxItems":
            return f"must have at {'least' if rule == 'minItems' else 'most'} {want} items"
        case "pattern":
            return f"must match the pattern {want}"
        case _:
            return f"breaks the rule {rule!r} of the input schema"


def _unknown_keys(error: ValidationError) -> str:
    schema = cast("Mapping[str, object]", error.schema)
    known = [str(k) for k in cast("Mapping[str, object]", schema.get("properties", {}))]
    unknown = [k for k in cast("Mapping[str, object]", error.instance) if k not in known]
    if not unknown:
        return "has a key that is not allowed there"
    near = difflib.get_close_matches(unknown[0], known, n=1)
    return f"does not know {_name(unknown[0])}" + (f"; did you mean {near[0]}" if near else "")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _hint(spec: ToolSpec) -> str:
    """The tool's signature: what would be allowed."""
    properties = spec.input_schema.get("properties")
    required = spec.input_schema.get("required")
    needed = required if isinstance(required, list) else []
    if not isinstance(properties, dict) or not properties:
        return f"{spec.name} takes no arguments."
    parts = [f"{name}{'' if name in needed else '?'}: {_type(schema)}" for name, schema in properties.items()]
    return f"Use {spec.name}({', '.join(parts)})."


def _type(schema: JsonValue) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else None
    return "|".join(str(k) for k in kind) if isinstance(kind, list) else str(kind or "any")
