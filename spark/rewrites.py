"""One rule for each construct that Spark says in other words than SQLGlot would, by the class of its node."""

# what is joined to SQL are names of the tree
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.transforms import eliminate_window_clause

from spark.kinds import is_struct, spark_type
from spark.tree import SparkSQL, duckdb_text, kind_of, said, type_name

# the bit by which an unsigned number that is kept as a signed one of the same bits is put in order
SIGN = "cast(-9223372036854775808 as bigint)"
INFINITE = {
    "DATE": "date_from_unix_date(2147483647)",
    "TIMESTAMP": "cast(timestamp_micros(9223372036854775807) as timestamp_ntz)",
}
WHOLE = ("BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT")


class UntranslatableError(Exception):
    """A construct that no rule translates."""


# expressions ----------------------------------------------------------------------------------------------------------


def divide(node: exp.Div) -> exp.Expr:
    """`/` is a division of doubles, also of decimals."""
    return exp.Div(this=_double(node.this), expression=_double(node.expression))


def subtract(node: exp.Sub) -> exp.Expr:
    """A date less a date is a number of days, less a number a date, less an interval a time."""
    left, right = node.this, node.expression
    if kind_of(left) == kind_of(right) == "DATE":
        return exp.cast(said("datediff", left, right), "BIGINT")
    if kind_of(left) == "DATE":
        if kind_of(right) == "INTERVAL":
            left.replace(_as(left, "timestamp_ntz"))
        else:
            return said("date_sub", left, _as(right, "int"))
    return node


def add(node: exp.Add) -> exp.Expr:
    """A date and a number is a date, and with an interval a time."""
    left, right = node.this, node.expression
    if kind_of(right) == "DATE" and kind_of(left) != "DATE":
        left, right = right, left
    if kind_of(left) == "DATE":
        if kind_of(right) == "INTERVAL":
            return exp.Add(this=_as(left, "timestamp_ntz"), expression=right.copy())
        return said("date_add", left, _as(right, "int"))
    return node


def cast(node: exp.Cast) -> exp.Expr:
    """DuckDB's types by their names in Spark; a cast to a whole number rounds."""
    to, before, value = kind_of(node) or type_name(node.to), kind_of(node.this), node.this
    if isinstance(value, exp.Literal) and value.name == "infinity":
        return _parsed(INFINITE[to])
    if to in WHOLE and before == "DOUBLE":
        # to the even one of two that are as near, as DuckDB does
        value = said("bround", value)
    elif to in WHOLE and before.startswith("DECIMAL"):
        value = said("round", value)
    return _as(value, spark_type(to))


def bracket(node: exp.Bracket) -> exp.Expr:
    """Lists begin at 1 in both; what is not there is null."""
    (index,) = node.expressions
    if is_struct(kind_of(node.this)):
        return exp.Dot(this=node.this.copy(), expression=exp.to_identifier(index.name, quoted=True))
    if isinstance(index, exp.Slice):
        first = index.this or exp.Literal.number(1)
        last = index.expression
        if last is None:
            raise UntranslatableError(f"`{duckdb_text(node)}`: a slice needs an end")
        length = exp.func("greatest", exp.Paren(this=last - first + 1), exp.Literal.number(0))
        return said("slice", node.this, _as(first, "int"), _as(length, "int"))
    return said("try_element_at", node.this, index if kind_of(node.this).startswith("MAP") else _as(index, "int"))


def struct(node: exp.Struct) -> exp.Expr:
    """`{'a': 1}` and `struct_pack(a := 1)`."""
    parts: list[exp.Expr] = []
    for item in node.expressions:
        if not isinstance(item, exp.PropertyEQ | exp.Column | exp.Alias):
            raise UntranslatableError(f"`{duckdb_text(node)}`: name the fields of a struct")
        is_named = isinstance(item, exp.PropertyEQ)
        parts += [exp.Literal.string(item.this.name if is_named else item.alias_or_name)]
        parts += [item.expression if is_named else item.unalias()]
    return said("named_struct", *parts)


def series(node: exp.GenerateSeries) -> exp.Expr:
    """An empty list where the end lies before the start, which Spark refuses."""
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    kind = "timestamp_ntz" if kind_of(node) == "TIMESTAMP[]" else "bigint"
    start, end = _as(start, kind), _as(end, kind)
    if kind == "bigint":
        step = step and _as(step, kind)
    return (
        exp.Case()
        .when(exp.LTE(this=start, expression=end), said("sequence", start, end, *([step] if step else [])))
        .else_(exp.cast(said("array"), f"array<{kind}>", dialect=SparkSQL))
    )


def truncate(node: exp.TimestampTrunc) -> exp.Expr:
    """DuckDB gives a time for a date, too, and Spark one with a zone."""
    return _as(said("date_trunc", exp.Literal.string(node.text("unit").upper()), node.this), "timestamp_ntz")


def any_value(node: exp.AnyValue) -> exp.Expr:
    """Any that is not null."""
    # SQLGlot reads DuckDB's as one that ignores nulls, and says so after it
    return said("any_value", node.this, *([] if isinstance(node.parent, exp.IgnoreNulls) else ["true"]))


def by_least(node: exp.ArgMin) -> exp.Expr:
    """A null is no value that has the least."""
    return said("min_by", node.this, _where_told(node))


def by_greatest(node: exp.ArgMax) -> exp.Expr:
    """A null is no value that has the greatest."""
    return said("max_by", node.this, _where_told(node))


def average(node: exp.Avg) -> exp.Expr:
    """A mean is a double, also of decimals."""
    return exp.Avg(this=_double(node.this))


def total(node: exp.Sum) -> exp.Expr:
    """A sum of booleans counts what is true."""
    return exp.Sum(this=_as(node.this, "int")) if kind_of(node.this) == "BOOLEAN" else node


def quantile(node: exp.PercentileCont) -> exp.Expr:
    """`quantile_cont(x, 0.5)`."""
    return said("percentile", node.this, node.expression)


def extreme(node: exp.Min | exp.Max) -> exp.Expr:
    """Unsigned numbers are kept as signed ones of the same bits, and put in order by them without the sign."""
    if kind_of(node.this) != "UBIGINT":
        return node
    return exp.Paren(this=_flipped(type(node)(this=_flipped(node.this))))


def ordered(node: exp.Ordered) -> exp.Expr:
    """Unsigned numbers in their order."""
    if kind_of(node.this) == "UBIGINT":
        node.this.replace(_flipped(node.this))
    return node


def compare(node: exp.Binary) -> exp.Expr:
    """Unsigned numbers in their order."""
    sides = (node.this, node.expression)
    if all(kind_of(side) == "UBIGINT" for side in sides):
        return type(node)(this=_flipped(node.this), expression=_flipped(node.expression))
    if any(kind_of(side) == "UBIGINT" for side in sides):
        left, right = (_unsigned(side) if kind_of(side) == "UBIGINT" else side.copy() for side in sides)
        return type(node)(this=left, expression=right)
    return node


def judge(node: exp.Is) -> exp.Expr:
    """`a >= 1 is not true` judges the whole comparison."""
    if not isinstance(node.this, exp.Column | exp.Paren):
        node.this.replace(exp.Paren(this=node.this.copy()))
    return node


def find_row(node: exp.In) -> exp.Expr:
    """`(a, b) in (select (a, b) …)`: a query of as many columns."""
    query = node.args.get("query")
    select = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(node.this, exp.Tuple) and isinstance(select, exp.Select) and len(select.expressions) == 1:
        row = select.expressions[0].unalias()
        if isinstance(row, exp.Tuple):
            select.set("expressions", [column.copy() for column in row.expressions])
    return node


def coalesce(node: exp.Coalesce) -> exp.Expr:
    """The text `infinity` beside dates and times is one of them."""
    for value in node.expressions:
        if isinstance(value, exp.Literal) and value.name == "infinity" and kind_of(node) in INFINITE:
            value.replace(_parsed(INFINITE[kind_of(node)]))
    return node


def walk_list(node: exp.ArrayFilter | exp.Transform) -> exp.Expr:
    """The place of an element, where a lambda asks for it, begins at 1."""
    each = node.expression
    if isinstance(each, exp.Lambda) and len(each.expressions) == 2:
        place = each.expressions[1].name
        for found in [*each.this.find_all(exp.Identifier)]:
            if found.name == place:
                whole = found.parent if isinstance(found.parent, exp.Column) else found
                whole.replace(exp.Paren(this=exp.Add(this=exp.column(place), expression=exp.Literal.number(1))))
    return node


def interval(node: exp.Interval) -> exp.Expr:
    """One that is a column may be of months in one row and of days in another."""
    if not isinstance(node.parent, exp.Alias):
        return node
    places = {"YEAR": 0, "MONTH": 1, "WEEK": 2, "DAY": 3, "HOUR": 4, "MINUTE": 5, "SECOND": 6}
    numbers = ["0"] * len(places)
    numbers[places[node.text("unit").upper()]] = node.this.name
    return said("make_interval", *numbers)


def sorted_list(node: exp.ArraySort) -> exp.Expr:
    """`list_sort(x)`, of unsigned numbers in their order."""
    if kind_of(node.this) != "UBIGINT[]":
        return said("array_sort", node.this)
    flip = f"each -> each ^ {SIGN}"
    return _parsed(f"transform(array_sort(transform({node.this.sql(SparkSQL)}, {flip})), {flip})")


def contains(node: exp.ArrayContains) -> exp.Expr:
    """A list that has no such value has it not, whatever nulls it has."""
    found = said("array_contains", node.this, node.expression)
    is_told = exp.and_(node.this.copy().is_(exp.null()).not_(), node.expression.copy().is_(exp.null()).not_())
    return exp.func("coalesce", found, exp.Case().when(is_told, exp.false()))


def length(node: exp.Length) -> exp.Expr:
    """`len` of a list, or of a text."""
    return said("size" if kind_of(node.this).endswith("[]") else "length", node.this)


def difference(node: exp.DateDiff) -> exp.Expr:
    """How many boundaries lie between two days."""
    unit, until, since = node.text("unit").upper(), node.this, node.expression
    if unit == "DAY":
        return _as(said("datediff", _as(until, "date"), _as(since, "date")), "bigint")
    if unit == "MONTH":
        count = said("datediff", "MONTH", said("trunc", since, "'MM'"), said("trunc", until, "'MM'"))
        return _as(count, "bigint")
    if unit == "SECOND":
        until, since = (said("unix_seconds", _as(moment, "timestamp_ltz")) for moment in (until, since))
        return exp.Paren(this=until - since)
    raise UntranslatableError(f"`{duckdb_text(node)}`: count months, days or seconds")


def grouping(node: exp.Grouping) -> exp.Expr:
    """The bits of several columns: Spark gives them together for all columns that are grouped by alone."""
    bits = [exp.Grouping(expressions=[column.copy()]) for column in node.expressions]
    whole: exp.Expr = bits[0]
    for bit in bits[1:]:
        whole = exp.Paren(this=exp.Add(this=exp.Mul(this=whole, expression=exp.Literal.number(2)), expression=bit))
    return whole


def weekday(node: exp.DayOfWeekIso) -> exp.Expr:
    """Monday is 1."""
    return exp.Paren(this=said("weekday", node.this) + 1)


def days(node: exp.ToDays) -> exp.Expr:
    """`to_days(n)`."""
    return said("make_dt_interval", _as(node.this, "int"))


def sign(node: exp.Sign) -> exp.Expr:
    """A whole number, not a double."""
    return _as(said("sign", node.this), "int")


def whole_quotient(node: exp.IntDiv) -> exp.Expr:
    """`//` of whole numbers."""
    if "DOUBLE" in (kind_of(node.this), kind_of(node.expression)):
        raise UntranslatableError(f"`{duckdb_text(node)}`: floor(a / b) says what is meant for fractions")
    return node


def renamed(name: str) -> Callable[[exp.Expr], exp.Expr]:
    """A function of the same arguments by another name."""

    def rename(node: exp.Expr) -> exp.Expr:
        arguments = [node.args[key] for key in node.arg_types if isinstance(node.args.get(key), exp.Expr)]
        return said(name, *arguments, *node.expressions)

    return rename


def without_words(node: exp.Anonymous) -> exp.Expr:
    """`create_sort_key(a, 'asc nulls last', b, …)`: a struct is put in the same order where nothing is null."""
    return said("struct", *node.expressions[::2])


def microseconds(node: exp.Anonymous) -> exp.Expr:
    """`epoch_us(t)`."""
    return said("unix_micros", _as(node.expressions[0], "timestamp_ltz"))


def seconds(node: exp.Anonymous) -> exp.Expr:
    """`to_seconds(n)`."""
    return said("make_dt_interval", "0", "0", "0", node.expressions[0])


def refuse(node: exp.Anonymous) -> exp.Expr:
    """`error(text)`."""
    return said("raise_error", *node.expressions)


def has_all(node: exp.Anonymous) -> exp.Expr:
    """`list_has_all(a, b)`."""
    whole, part = node.expressions
    return exp.EQ(this=said("size", said("array_except", part, whole)), expression=exp.Literal.number(0))


REWRITES: dict[type[exp.Expr], Callable[..., exp.Expr]] = {
    exp.Add: add,
    exp.AnyValue: any_value,
    exp.ArgMax: by_greatest,
    exp.ArgMin: by_least,
    exp.ArrayAppend: renamed("array_append"),
    exp.ArrayContains: contains,
    exp.ArrayDistinct: renamed("array_distinct"),
    exp.ArrayMax: renamed("array_max"),
    exp.ArrayFilter: walk_list,
    exp.ArraySort: sorted_list,
    exp.ArrayToString: renamed("array_join"),
    exp.Avg: average,
    exp.Bracket: bracket,
    exp.Cast: cast,
    exp.Coalesce: coalesce,
    exp.DateDiff: difference,
    exp.DateTrunc: truncate,
    exp.DayOfWeekIso: weekday,
    exp.Div: divide,
    exp.GT: compare,
    exp.GTE: compare,
    exp.GenerateSeries: series,
    exp.Grouping: grouping,
    exp.In: find_row,
    exp.IntDiv: whole_quotient,
    exp.Interval: interval,
    exp.Is: judge,
    exp.LT: compare,
    exp.LTE: compare,
    exp.Length: length,
    exp.Max: extreme,
    exp.Min: extreme,
    exp.Ordered: ordered,
    exp.PercentileCont: quantile,
    exp.Sign: sign,
    exp.Struct: struct,
    exp.Sub: subtract,
    exp.Sum: total,
    exp.TimestampTrunc: truncate,
    exp.ToDays: days,
    exp.Transform: walk_list,
}

# functions that SQLGlot knows by no class
ANONYMOUS: dict[str, Callable[[exp.Anonymous], exp.Expr]] = {
    "create_sort_key": without_words,
    "epoch_us": microseconds,
    "error": refuse,
    "list_has_all": has_all,
    "row": renamed("struct"),
    "to_seconds": seconds,
}
ANONYMOUS_TYPES = {
    "create_sort_key": "BLOB",
    "epoch_us": "BIGINT",
    "list_has_all": "BOOLEAN",
    "product": "DOUBLE",
    "to_seconds": "INTERVAL",
}

# what the two engines read or write differently in cases that are not rare
FOR_DUCKDB = (
    exp.ConcatWs,
    exp.JSONExtract,
    exp.JSONExtractScalar,
    exp.JSONKeys,
    exp.JSONType,
    exp.RegexpExtract,
    exp.RegexpLike,
    exp.RegexpReplace,
    exp.TimeToStr,
    exp.TryCast,
)

# what both say alike, once SQLGlot has written it
SAID_ALIKE = {
    exp.Abs,
    exp.Array,
    exp.BitwiseXorAgg,
    exp.Case,
    exp.Ceil,
    exp.Contains,
    exp.Count,
    exp.DenseRank,
    exp.EndsWith,
    exp.Exp,
    exp.Explode,
    exp.FirstValue,
    exp.Floor,
    exp.Greatest,
    exp.If,
    exp.Lag,
    exp.LastDay,
    exp.LastValue,
    exp.Lead,
    exp.Least,
    exp.Ln,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.Lower,
    exp.MD5,
    exp.MapFromEntries,
    exp.Median,
    exp.Nullif,
    exp.Pow,
    exp.Rank,
    exp.Replace,
    exp.Round,
    exp.RowNumber,
    exp.SplitPart,
    exp.Sqrt,
    exp.StartsWith,
    exp.Translate,
    exp.Trim,
    exp.Upper,
}


# whole selects ----------------------------------------------------------------------------------------------------


def unfold_aggregates(select: exp.Select) -> None:
    """`list(x order by y)` keeps nulls and order, `product(x)` is a fold: both over what Spark collects."""
    for node in [*select.find_all(exp.ArrayAgg, exp.Anonymous)]:
        if node.find_ancestor(exp.Select) is not select:
            continue
        if isinstance(node, exp.ArrayAgg):
            value = node.this
            order = value.expressions if isinstance(value, exp.Order) else []
            if any(item.args.get("desc") for item in order):
                raise UntranslatableError(f"`{duckdb_text(node)}`: order a list upwards")
            # nulls come last in DuckDB, and first in what Spark puts in order
            told = [
                (
                    exp.Literal.string(f"null{n}"),
                    item.this.copy().is_(exp.null()),
                    exp.Literal.string(f"key{n}"),
                    _flipped(item.this) if kind_of(item.this) == "UBIGINT" else item.this,
                )
                for n, item in enumerate(order)
            ]
            keys = [part for parts in told for part in parts]
            value = value.this if isinstance(value, exp.Order) else value
            collected = said("collect_list", said("named_struct", *keys, exp.Literal.string("value"), value))
            wrap = "transform(array_sort({}), each -> each.value)" if order else "transform({}, each -> each.value)"
        elif node.name.lower() == "product" and not node.meta.get("said"):
            collected = said("collect_list", _double(node.expressions[0]))
            wrap = "aggregate({}, cast(1 as double), (product, each) -> product * each)"
        else:
            continue
        whole: exp.Expr = node
        while isinstance(whole.parent, exp.Filter | exp.Window):
            whole = whole.parent
        kind = whole.meta.get("kind")
        if whole is node:
            inner: exp.Expr = collected
        else:
            node.replace(collected)
            inner = whole.copy()
        wrapped = _parsed(wrap.format("collected_values"))
        for place in wrapped.find_all(exp.Column):
            if place.name == "collected_values":
                place.replace(inner)
                break
        wrapped.meta["kind"] = kind
        whole.replace(wrapped)


def unnest_laterally(select: exp.Select) -> None:
    """`unnest` in a SELECT: Spark has it only beside what is read from."""
    found = [node for item in select.expressions for node in item.find_all(exp.Explode)]
    if not found:
        return
    if select.args.get("group") or any(item.find(exp.Window, exp.AggFunc) for item in select.expressions):
        _compute_first(select)
    if len(found) == 1 and found[0].expressions:
        (node,) = found
        struct = next((call for call in node.find_all(exp.Anonymous) if call.name == "named_struct"), None)
        if struct is None or not isinstance(node.parent, exp.Select):
            raise UntranslatableError(f"`{duckdb_text(node)}`: the fields of what is unnested are not known")
        names = [name.name for name in struct.expressions[::2]]
        columns: list[exp.Expr] = [exp.column(name, table="unnested") for name in names]
        at = next(n for n, item in enumerate(select.expressions) if item is node)
        items = select.expressions
        select.set("expressions", [*items[:at], *columns, *items[at + 1 :]])
        view = _view(said("inline", node.this), names)
    elif len(found) == 1:
        (node,) = found
        node.replace(exp.column("value", table="unnested"))
        view = _view(said("explode", node.this), ["value"])
    else:
        names = [f"value{number}" for number, _ in enumerate(found)]
        for node, name in zip(found, names, strict=True):
            node.replace(exp.column(name, table="unnested"))
        # a list that is not there has no elements, and the others have theirs
        lists = [said("coalesce", node.this, "array()") for node in found]
        view = _view(said("inline", said("arrays_zip", *lists)), names)
    if not select.args.get("from_"):
        select.set("from_", _parsed("select 1 from (select 1 as one) as nothing").args["from_"])
    select.append("laterals", view)


def _compute_first(select: exp.Select) -> None:
    """Let what groups and windows make be a query of its own, and its lists be unnested after it."""
    inner, outer = select.copy(), list[exp.Expr]()
    computed: list[exp.Expr] = []
    for number, item in enumerate(list(select.expressions)):
        lists = [*item.find_all(exp.Explode)]
        for place, node in enumerate(lists):
            name = f"list{number}_{place}"
            computed.append(exp.alias_(node.this.copy(), name))
            node.this.replace(exp.column(name))
        if not lists:
            computed.append(item.copy())
            item = exp.column(item.alias_or_name)
        outer.append(item)
    inner.set("expressions", computed)
    for part in ("joins", "where", "group", "having", "qualify", "windows", "laterals", "distinct", "order"):
        select.set(part, None)
    select.set("expressions", outer)
    select.set("from_", exp.From(this=inner.subquery("computed")))
    unfold_windows(inner)


def unfold_windows(select: exp.Select) -> None:
    """Spark lets no window refine another, so each says its own."""
    eliminate_window_clause(select)
    for window in select.find_all(exp.Window):
        if isinstance(window.this, exp.RowNumber) and not window.args.get("order"):
            raise UntranslatableError("`row_number()` without an order is another number each time: order it")


def split_asof(select: exp.Select) -> None:
    """The one inequality of an ASOF join is apart from its equalities."""
    for join in select.args.get("joins") or ():
        if join.method != "ASOF":
            continue
        conditions = list(join.args["on"].flatten()) if isinstance(join.args["on"], exp.And) else [join.args["on"]]
        nearest = [c for c in conditions if isinstance(c, exp.GT | exp.GTE | exp.LT | exp.LTE)]
        others = [c for c in conditions if c not in nearest]
        if len(nearest) != 1:
            raise UntranslatableError(f"`{duckdb_text(join)}`: an ASOF join has one inequality")
        # the word stands after the side
        join.set("method", None)
        join.set("kind", "ASOF")
        join.set("match_condition", nearest[0])
        join.set("on", exp.and_(*others) if others else None)


def _view(generator: exp.Expr, names: list[str]) -> exp.Expr:
    columns = ", ".join(f"`{name}`" for name in names)
    text = f"select 1 from nothing lateral view {generator.sql(SparkSQL)} unnested as {columns}"
    view: exp.Expr = _parsed(text).args["laterals"][0]
    return view


def _parsed(text: str) -> exp.Expr:
    node = sqlglot.parse_one(text, dialect=SparkSQL)
    for part in node.walk():
        part.meta["said"] = True
    return node


def _as(node: exp.Expr, kind: str) -> exp.Cast:
    made: exp.Cast = exp.cast(node.copy(), kind, dialect=SparkSQL)
    return made


def _double(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node.copy()) if kind_of(node) == "DOUBLE" else _as(node, "double")


def _flipped(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.BitwiseXor(this=exp.Paren(this=node.copy()), expression=_parsed(SIGN)))


def _unsigned(node: exp.Expr) -> exp.Expr:
    """The number that the bits stand for."""
    text = node.sql(SparkSQL)
    number = f"cast({text} as decimal(20, 0))"
    return exp.Paren(this=_parsed(f"case when {text} < 0 then {number} + 18446744073709551616 else {number} end"))


def _where_told(node: exp.ArgMin | exp.ArgMax) -> exp.Expr:
    return exp.Case().when(node.this.copy().is_(exp.null()).not_(), node.expression.copy())
