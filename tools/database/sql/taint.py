"""Where values come from: sets of base columns as bits, and the sources and levels a name is looked up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ...tool import ColumnRef, ColumnRule, ColumnRules, OutputForm

# A text built from more than this many pieces of a masked value could reach a size limit of the engine, and whether it
# does would tell the value's length.
HEAVY: Final = 64
_NOBODYS: Final[Mapping[int, int]] = MappingProxyType({})


class Value:
    """What is known of one expression.

    ``bits``: the base columns it is computed from, conditions included. ``class_name``: for IDENTITY, the class of all
    its columns (None: open). ``counted``: columns whose cells were only counted. ``risky``: computing it may fail or
    take long. ``weight``: rough size, in cells. ``totals``: masked columns summed over enough rows to be shown.
    """

    __slots__ = ("bits", "class_name", "counted", "form", "null", "risky", "totals", "type", "weight")

    def __init__(
        self,
        bits: int = 0,
        form: OutputForm = OutputForm.EXPRESSION,
        class_name: str | None = None,
        *,
        counted: int = 0,
        totals: int = 0,
        risky: bool = False,
        weight: int = 1,
        null: bool = False,
        type: str = "",
    ) -> None:
        self.bits, self.form, self.class_name = bits, form, class_name
        self.counted, self.totals, self.risky, self.weight = counted, totals, risky, weight
        self.null, self.type = null, type

    @property
    def plain(self) -> bool:
        """A base column as it is, perhaps united with others of its class."""
        return self.form is OutputForm.IDENTITY


CONSTANT: Final = Value(form=OutputForm.CONSTANT)
NULL: Final = Value(form=OutputForm.CONSTANT, null=True)


def combine(values: Iterable[Value], form: OutputForm = OutputForm.EXPRESSION) -> Value:
    """Something computed from all of these."""
    bits = counted = totals = weight = 0
    risky, constant = False, form is OutputForm.EXPRESSION
    for value in values:
        bits |= value.bits
        counted |= value.counted
        totals |= value.totals
        risky = risky or value.risky
        weight = max(weight, value.weight)
        constant = constant and value.form is OutputForm.CONSTANT
    if constant:
        return Value(form=OutputForm.CONSTANT, risky=risky, weight=weight)
    return Value(bits, form, counted=counted, totals=totals, risky=risky, weight=weight)


def swayed(value: Value, bits: int) -> Value:
    """The value when these columns decide over it as well."""
    if not bits:
        return value
    return Value(value.bits | bits, counted=value.counted, totals=value.totals, risky=value.risky, weight=value.weight)


def unite(values: Sequence[Value]) -> Value:
    """The same output position of several queries or rows. Equal classes stay plain; anything mixed is computed."""
    if len(values) == 1:
        return values[0]
    real = [value for value in values if not value.null] or values[:1]
    first = real[0]
    if len(real) == 1:
        return first
    bits = counted = totals = 0
    same, weight, risky = True, 1, False
    for value in real:
        bits |= value.bits
        counted |= value.counted
        totals |= value.totals
        weight = max(weight, value.weight)
        risky = risky or value.risky
        same = same and value.form is first.form and value.class_name == first.class_name
    form = first.form if same else OutputForm.EXPRESSION
    class_name = first.class_name if same else None
    return Value(bits, form, class_name, counted=counted, totals=totals, weight=weight, risky=risky, type=first.type)


class Register:
    """The base columns of one analysis, each with its bit and its rule."""

    __slots__ = ("_bits", "database", "literal", "masked", "nulls", "refs", "rule_of", "rules")

    def __init__(self, database: str, rules: ColumnRules) -> None:
        self.database, self.rules = database, rules
        self.refs: list[ColumnRef] = []
        self.rule_of: list[ColumnRule | None] = []
        self._bits: dict[ColumnRef, int] = {}
        self.masked = 0  # columns whose values must not show
        self.literal = 0  # ... of these, the ones that may be compared with a literal
        self.nulls = 0  # ... of these, the ones whose being NULL must not show either

    def bit(self, ref: ColumnRef, rule: ColumnRule | None = None) -> int:
        """The bit of a column. ``rule``: what it inherits when it has no rule of its own."""
        known = self._bits.get(ref)
        if known is not None:
            return known
        bit = 1 << len(self.refs)
        own = self.rules.get(ref) or rule
        self._bits[ref] = bit
        self.refs.append(ref)
        self.rule_of.append(own)
        if own is not None and own.masked:
            self.masked |= bit
            if own.match_literal:
                self.literal |= bit
            if own.nulls_secret:
                self.nulls |= bit
        return bit

    def bits(self, refs: Iterable[ColumnRef]) -> int:
        bits = 0
        for ref in refs:
            bits |= self.bit(ref)
        return bits

    def each(self, bits: int) -> list[ColumnRef]:
        """The columns of a set, sorted."""
        return sorted(self.refs[i] for i in indices(bits))

    def set(self, bits: int) -> frozenset[ColumnRef]:
        return frozenset(self.refs[i] for i in indices(bits))

    def classes(self, bits: int) -> set[str]:
        """The classes of the masked columns of a set."""
        rules = (self.rule_of[i] for i in indices(bits & self.masked))
        return {rule.class_name for rule in rules if rule is not None}


def indices(bits: int) -> Iterable[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


class Source:
    """Something in a FROM clause: a name with columns in order.

    ``alias`` is folded, as are the names in ``by_name``. ``open``: may have further columns, all made of this value.
    ``key``: positions of columns that together are unique, or None. ``exposed``: the order its rows come in may follow
    a masked column. ``base``: the qualified name when it is a table, whose rows are counted as they are (a view may
    repeat them); ``schema``: the schema it may be called by. ``whose``: for the position of a column of shifted dates,
    that of the column that says whose they are.
    """

    __slots__ = ("_columns", "alias", "base", "by_name", "exposed", "key", "labels", "open", "schema", "whose")

    def __init__(
        self,
        alias: str,
        labels: Sequence[str],
        by_name: Mapping[str, Sequence[int]],
        columns: Sequence[Value],
        *,
        open: Value | None = None,
        key: tuple[int, ...] | None = None,
        exposed: bool = False,
        base: str | None = None,
        schema: str | None = None,
        whose: Mapping[int, int] = _NOBODYS,
    ) -> None:
        self.alias, self.labels, self.by_name, self._columns = alias, labels, by_name, columns
        self.open, self.key, self.exposed, self.base, self.schema = open, key, exposed, base, schema
        self.whose = whose

    def column(self, position: int) -> Value:
        return self._columns[position]

    def columns(self) -> list[Value]:
        return [self.column(i) for i in range(len(self.labels))]

    def find(self, folded: str) -> Value | None:
        """The column of that name; several of one name are united. None when there is none."""
        positions = self.by_name.get(folded)
        if positions is None:
            return None
        if len(positions) == 1:
            return self.column(positions[0])
        return unite([self.column(i) for i in positions])

    def whole(self) -> Value:
        """The row as one value."""
        values = self.columns()
        if self.open is not None:
            values.append(self.open)
        made = combine(values)
        return Value(made.bits, OutputForm.EXPRESSION, weight=min(len(values), HEAVY), risky=made.risky)


def positions_by_name(folded: Iterable[str]) -> dict[str, list[int]]:
    made: dict[str, list[int]] = {}
    for position, name in enumerate(folded):
        made.setdefault(name, []).append(position)
    return made


class Level:
    """What one FROM clause brings into scope. ``merged`` holds the common columns of USING and NATURAL joins;
    ``aliases`` the output names that expressions of the query may use too."""

    __slots__ = ("aliases", "merged", "sources")

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.merged: dict[str, Value] = {}
        self.aliases: dict[str, Value] = {}

    @property
    def exposed(self) -> bool:
        return any(source.exposed for source in self.sources)
