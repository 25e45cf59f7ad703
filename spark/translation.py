"""DuckDB's SQL as Spark runs it: a model's query in, its steps and its query in Spark's words out.

SQLGlot reads and writes; what it would say wrongly or not at all is rewritten in its tree, by one small function for
each construct. What Spark has no word for, or another meaning for, is asked of DuckDB itself, batch by batch on the
workers (`spark.functions`): so ids, times, numbers, texts and digests are read by one definition on both engines.
What is in neither list is refused, so that nothing is ever translated by chance.
"""

# queries come from the tree
# ruff: noqa: S608

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import duckdb
import sqlglot
from sqlglot import exp

from spark.kinds import element_of, fields_of, is_struct, spark_type
from spark.rewrites import (
    ANONYMOUS,
    ANONYMOUS_TYPES,
    FOR_DUCKDB,
    REWRITES,
    SAID_ALIKE,
    UntranslatableError,
    split_asof,
    unfold_aggregates,
    unfold_windows,
    unnest_laterally,
)
from spark.shapes import LANDED, Columns, PlainDuckDB, Shapes
from spark.tree import SparkSQL, duckdb_text, is_written_otherwise, said, type_name, type_of_arithmetic, widest

# what is of one type whatever it is made of
OF_ONE_TYPE: dict[str, tuple[type[exp.Expr], ...]] = {
    "BIGINT": (
        exp.Count,
        exp.DateDiff,
        exp.DayOfWeekIso,
        exp.DenseRank,
        exp.Grouping,
        exp.Length,
        exp.Rank,
        exp.RowNumber,
    ),
    "BOOLEAN": (exp.Boolean, exp.Connector, exp.LogicalAnd, exp.LogicalOr, exp.Not, exp.Predicate),
    "DATE": (exp.LastDay,),
    "DOUBLE": (exp.Avg, exp.Div, exp.Exp, exp.Ln, exp.Median, exp.PercentileCont, exp.Pow, exp.Sqrt),
    "INTERVAL": (exp.Interval, exp.ToDays),
    "TIMESTAMP": (exp.DateTrunc, exp.TimestampTrunc),
    "VARCHAR": (
        exp.ArrayToString,
        exp.ConcatWs,
        exp.DPipe,
        exp.Lower,
        exp.MD5,
        exp.Replace,
        exp.SplitPart,
        exp.TimeToStr,
        exp.Trim,
        exp.Upper,
    ),
}


@dataclass(frozen=True)
class Function:
    """An expression that DuckDB computes for Spark, from columns named a0, a1 and so on.

    Attributes:
        name: by which Spark calls it; equal functions have one name.
        sql: the expression, in DuckDB's words.
        takes: DuckDB's types of its arguments.
        gives: DuckDB's type of its value.
    """

    name: str
    sql: str
    takes: tuple[str, ...]
    gives: str


@dataclass(frozen=True)
class Step:
    """One named step of a model.

    Attributes:
        name: as the later steps call it.
        query: in Spark's words.
        is_kept: whether its rows are computed once and kept, because several steps read them.
        recursive: the query that is repeated over the rows that it last returned, named like the step, until there
            are none; `recurring_<name>` are all rows so far.
        key: the columns by which rows of a later round replace earlier ones; none where all stay.
    """

    name: str
    query: str
    is_kept: bool = False
    recursive: str = ""
    key: tuple[str, ...] = ()


@dataclass
class Translation:
    """A model in Spark's words: steps, each after those that it reads, the query over them, and its functions."""

    steps: list[Step] = field(default_factory=list)
    query: str = ""
    columns: Columns = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The whole as one statement, for reading; recursion is a loop, and no statement."""
        steps = ", ".join(f"{step.name} AS ({step.query})" for step in self.steps)
        return f"WITH {steps} {self.query}" if steps else self.query


def translate(sql: str, shapes: Shapes) -> Translation:
    """Translate a query in DuckDB's words.

    Args:
        sql: a query as dbt compiled it for DuckDB.
        shapes: the relations that it reads.

    Raises:
        UntranslatableError: when it holds a construct that no rule translates.
    """
    return _Translator(shapes).translate(sql)


class _Translator:
    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.flat: list[exp.CTE] = []
        self.names: set[str] = set()
        self.translation = Translation()

    def translate(self, sql: str) -> Translation:
        self.shapes.begin()
        query = sqlglot.parse_one(sql, dialect=PlainDuckDB)
        for table in query.find_all(exp.Table):
            if isinstance(table.this, exp.ReadParquet):
                table.set("this", exp.to_identifier(LANDED))
        for index in [*query.find_all(exp.Placeholder)]:  # SQLGlot takes the end of x[:n] for one
            end: exp.Expr = exp.column(index.name)
            index.replace(end)
            while not isinstance(end.parent, exp.Bracket):
                assert end.parent is not None
                end = end.parent
            end.replace(exp.Slice(this=exp.Literal.number(1), expression=end.copy()))
        # no step is called like a relation
        relations = [table for table in query.find_all(exp.Table) if table.db and table.db != "recurring"]
        self.names = {LANDED, *(table.name.lower() for table in relations)}
        self.flatten(query, {}, frozenset())
        read = self.count_reads(query)
        for step in self.flat:
            if read[step.alias]:
                self.add_step(step, read[step.alias])
        self.translation.columns = self.shapes.describe(duckdb_text(query))
        self.translation.query = self.said(query)
        return self.translation

    # steps ----------------------------------------------------------------------------------------------------------

    def flatten(self, query: exp.Expr, known: dict[str, str], recursive: frozenset[str]) -> None:
        """Name every step and derived table of a query, however deep, in one list without name twice.

        Args:
            query: whose steps are taken out of it.
            known: the names of the steps that it may read, in the list.
            recursive: the steps in whose repeated part it stands; what reads these is no step of the list.
        """
        known = dict(known)
        if steps := query.args.get("with_"):
            for step in steps.expressions:
                name = self.unique(step.alias)
                reads_itself = any(table.name == step.alias for table in step.this.find_all(exp.Table))
                if steps.args.get("recursive") and reads_itself:
                    self.flatten(step.this, {**known, step.alias: name}, recursive | {name})
                else:
                    self.flatten(step.this, known, recursive)
                known[step.alias] = name
                step.args["alias"].set("this", exp.to_identifier(name))
                self.flat.append(step)
            query.set("with_", None)
        for child in list(query.iter_expressions()):
            self.resolve(child, known, recursive)

    def resolve(self, node: exp.Expr, known: dict[str, str], recursive: frozenset[str]) -> None:
        """Let tables be called by the names of the list, and derived tables be steps of it."""
        if isinstance(node, exp.Table):
            if node.name in known and (not node.db or node.db == "recurring"):
                prefix = "recurring_" if node.db else ""
                if not node.alias:
                    node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name)))
                node.set("this", exp.to_identifier(prefix + known[node.name]))
                node.set("db", None)
        elif isinstance(node, exp.Subquery) and isinstance(node.parent, exp.From | exp.Join):
            inner = node.unnest()
            self.flatten(inner, known, recursive)
            is_repeated = any(table.name in recursive for table in inner.find_all(exp.Table))
            if not node.alias_column_names and isinstance(inner, exp.Query) and not is_repeated:
                name = self.unique(node.alias or "derived")
                self.flat.append(exp.CTE(this=inner, alias=exp.TableAlias(this=exp.to_identifier(name))))
                alias = exp.TableAlias(this=exp.to_identifier(node.alias or name))
                node.replace(exp.Table(this=exp.to_identifier(name), alias=alias))
            return
        if isinstance(node, exp.Query):
            self.flatten(node, known, recursive)
            return
        for child in list(node.iter_expressions()):
            self.resolve(child, known, recursive)

    def unique(self, name: str) -> str:
        number, found = 1, name.lower()
        while found in self.names:
            number += 1
            found = f"{name.lower()}_{number}"
        self.names.add(found)
        return found

    def count_reads(self, query: exp.Expr) -> dict[str, int]:
        """How often each step is read by what is read itself."""
        reads = {step.alias: 0 for step in self.flat}
        for reader in [query, *reversed(self.flat)]:
            if reader is not query and not reads[reader.alias]:
                continue
            for table in reader.find_all(exp.Table):
                name = table.name.removeprefix("recurring_")
                if not table.db and name in reads and not (reader is not query and name == reader.alias):
                    reads[name] += 1
        return reads

    def add_step(self, step: exp.CTE, reads: int) -> None:
        name, body = step.alias, step.this
        is_recursive = any(table.name == name and not table.db for table in body.find_all(exp.Table))
        keep = bool(step.args.get("materialized")) or (reads > 1 and _is_costly(body))
        if not is_recursive:
            self.shapes.add(name, duckdb_text(body))
            self.translation.steps.append(Step(name, self.said(body), keep))
            return
        first, again = body.this, body.expression
        _call_columns(first, [column.name for column in step.args["alias"].columns])
        typed = self.shapes.add(name, duckdb_text(first))
        self.shapes.add(f"recurring_{name}", duckdb_text(first))
        _call_columns(again, typed)
        key = tuple(column.name for column in step.args.get("key_expressions") or ())
        self.translation.steps.append(Step(name, self.said(first), True, self.said(again), key))

    def said(self, query: exp.Expr) -> str:
        """A query in Spark's words."""
        query = query.copy()
        for union in query.find_all(exp.SetOperation):
            if union.args.get("by_name"):
                for side in (union, union.this, union.expression):
                    side.meta["columns"] = self.shapes.describe(duckdb_text(side))
        selects = [_Select(self, select) for select in reversed([*query.find_all(exp.Select)])]
        for select in selects:
            select.prepare()
        for select in selects:
            select.rewrite()
        for union in reversed([*query.find_all(exp.SetOperation)]):
            if union.args.get("by_name"):
                self.align(union)
        for table in query.find_all(exp.Table):
            _name_for_spark(table)
        text: str = query.sql(SparkSQL, comments=False)
        return text

    def align(self, union: exp.SetOperation) -> None:
        """UNION BY NAME: each side lists the columns of both, with nulls for those that it has not."""
        whole = union.meta["columns"]
        for arm in ("this", "expression"):
            side = union.args[arm]
            own = side.meta["columns"]
            columns: list[exp.Expr] = [
                exp.column(name) if name in own else exp.cast(exp.null(), spark_type(kind), dialect=SparkSQL).as_(name)
                for name, kind in whole.items()
            ]
            union.set(arm, exp.select(*columns).from_(side.subquery("one_side")))
        union.set("by_name", None)


class _Select:
    """One SELECT: what its sources have, and its expressions in Spark's words."""

    def __init__(self, translator: _Translator, select: exp.Select) -> None:
        self.translator, self.shapes, self.select = translator, translator.shapes, select
        self.sources = self.read_sources(select)
        outer = select.find_ancestor(exp.Select)
        self.outer = self.read_sources(outer) if outer else {}
        self.joins = {join.this.alias_or_name: join for join in select.args.get("joins") or ()}
        # the columns that each join shares with what stands before it
        self.using = {
            alias: {column.name for column in join.args.get("using") or ()} for alias, join in self.joins.items()
        }
        self.shared = {name for names in self.using.values() for name in names}
        self.aliases: dict[str, exp.Expr] = {}

    def read_sources(self, select: exp.Select) -> dict[str, Columns | None]:
        tables = [select.args["from_"].this] if select.args.get("from_") else []
        found: dict[str, Columns | None] = {}
        for table in [*tables, *(join.this for join in select.args.get("joins") or ())]:
            if isinstance(table, exp.Table):
                found[table.alias_or_name] = self.shapes.of(table)
            elif isinstance(table, exp.Subquery | exp.Values | exp.Unnest):
                found[table.alias_or_name] = self.shapes.describe(f"select * from {duckdb_text(table)}")
            else:
                found[table.alias_or_name] = None
        return found

    def prepare(self) -> None:
        """Name all columns and types, while the whole query is still in DuckDB's words."""
        self.expand_stars()
        self.spell_out_rows()
        self.order_numbers()
        self.name_projections()
        self.aliases = {item.alias: item.this for item in self.select.expressions if isinstance(item, exp.Alias)}
        self.spell_out_aliases()
        self.tell_shared_columns()
        for part in self.parts():
            self.type_of(part)

    def rewrite(self) -> None:
        """Say everything in Spark's words."""
        for part in self.parts():
            self.ask_duckdb(part)
        unfold_aggregates(self.select)
        for part in self.parts():
            for node in reversed([*_walk(part)]):
                rewritten = self.in_spark(node)
                if rewritten is not node:
                    rewritten.meta.setdefault("kind", node.meta.get("kind"))
                    node.replace(rewritten)
        unnest_laterally(self.select)
        unfold_windows(self.select)
        split_asof(self.select)

    def parts(self) -> list[exp.Expr]:
        """All expressions of the SELECT, without what it reads from."""
        found: list[exp.Expr] = [*self.select.expressions]
        for name in ("where", "group", "having", "qualify", "order"):
            if part := self.select.args.get(name):
                found.append(part)
        found += self.select.args.get("windows") or ()
        for join in self.select.args.get("joins") or ():
            if join.args.get("on"):
                found.append(join.args["on"])
        return found

    # columns --------------------------------------------------------------------------------------------------------

    def expand_stars(self) -> None:
        """Name every column: Spark has no REPLACE, no COLUMNS(…), and other columns where a view has changed."""
        expanded: list[exp.Expr] = []
        for item in self.select.expressions:
            columns = item.find(exp.Columns)
            if columns is not None:
                for name, column in self.columns_of(columns.this):
                    each = item.copy()
                    found = each.find(exp.Columns)
                    assert found is not None
                    whole = exp.Paren(this=each)
                    found.replace(column)
                    expanded.append(exp.alias_(whole.this.unalias(), name))
            elif isinstance(item, exp.Star | exp.Column) and item.is_star:
                expanded += [
                    column if isinstance(column, exp.Column) and column.name == name else exp.alias_(column, name)
                    for name, column in self.columns_of(item)
                ]
            else:
                expanded.append(item)
        self.select.set("expressions", expanded)

    def spell_out_rows(self) -> None:
        """Name the columns of a row that is hashed by its source's name: DuckDB hashes both alike."""
        told = {name for columns in self.sources.values() for name in columns or ()}
        for part in self.parts():
            for column in [node for node in _walk(part) if isinstance(node, exp.Column)]:
                if column.table or column.name in told or column.name not in self.sources:
                    continue
                called = column.parent
                if not isinstance(called, exp.Anonymous) or called.name.lower() != "hash":
                    raise UntranslatableError(f"`{duckdb_text(called or column)}`: a row is hashed, and else no value")
                names = self.sources[column.name] or ()
                table = column.name if len(self.sources) > 1 else None
                row: list[exp.Expr] = [exp.column(name, table=table) for name in names]
                called.set(
                    "expressions", [each for told in called.expressions for each in (row if told is column else [told])]
                )

    def order_numbers(self) -> None:
        """`row_number() over ()` by all columns: in no order it is another number each time that its step is read."""
        for window in self.select.find_all(exp.Window):
            if isinstance(window.this, exp.RowNumber) and not (window.args.get("order") or window.alias):
                columns = [
                    exp.Ordered(this=exp.column(name, table=alias), nulls_first=False)
                    for alias, found in self.sources.items()
                    for name, kind in (found or {}).items()
                    if not kind.startswith("MAP")
                ]
                window.set("order", exp.Order(expressions=columns))

    def spell_out_aliases(self) -> None:
        """What is called by an alias of the same SELECT is computed there: Spark knows few places for one."""
        told = {name for columns in self.sources.values() for name in columns or ()}
        spelled = {name: node for name, node in self.aliases.items() if name not in told and not node.find(exp.Explode)}
        parts = [part for part in self.parts() if not isinstance(part, exp.Group | exp.Order)]
        found = True
        while found:
            found = False
            for part in parts:
                for column in [node for node in _walk(part) if isinstance(node, exp.Column)]:
                    if column.name in spelled and not column.table and not _lambda_of(column, column.name):
                        # a comparison by IS or NOT takes what stands before it, so the whole is in parentheses
                        column.replace(exp.Paren(this=spelled[column.name].copy()))
                        found = True

    def tell_shared_columns(self) -> None:
        """A column that a join shares, and a source outside of that join has too, is told as the first source's."""
        for name in self.shared:
            having = [alias for alias, columns in self.sources.items() if name in (columns or ())]
            joined = {
                alias
                for alias, join in self.joins.items()
                if name in self.using[alias] or join.kind in ("SEMI", "ANTI")
            }
            if joined.issuperset(having[1:]):
                continue
            for part in self.parts():
                for column in [node for node in _walk(part) if isinstance(node, exp.Column)]:
                    if column.name == name and not column.table:
                        column.set("table", exp.to_identifier(having[0]))

    def name_projections(self) -> None:
        """Give what has no name the one by which DuckDB calls it."""
        if all(isinstance(item, exp.Alias | exp.Column) for item in self.select.expressions):
            return
        names = list(self.shapes.describe(duckdb_text(self.select)))
        items = self.select.expressions
        if len(names) == len(items):
            for item, name in zip(list(items), names, strict=True):
                if not isinstance(item, exp.Alias | exp.Column | exp.Explode):
                    item.replace(exp.alias_(item.copy(), name, quoted=True))

    def columns_of(self, starred: exp.Star | exp.Column) -> list[tuple[str, exp.Expr]]:
        """The columns for which `*`, or `table.*`, stands, each by its name."""
        star, table = (starred, "") if isinstance(starred, exp.Star) else (starred.this, starred.table)
        left_out = {column.name for column in star.args.get("except_") or ()}
        replaced = {item.alias: item.this for item in star.args.get("replace") or ()}
        found: set[str] = set()
        listed: list[tuple[str, exp.Expr]] = []
        for alias, columns in self.sources.items():
            join = self.joins.get(alias)
            if (table and alias != table) or (join is not None and join.kind in ("SEMI", "ANTI")):
                continue
            if columns is None:
                raise UntranslatableError(f"`*` of {alias}, whose columns are not known")
            for name in columns:
                if not table and name in self.using.get(alias, ()) and name in found:
                    continue
                is_told = len(self.sources) > 1 and (table or name not in self.shared)
                found.add(name)
                listed.append((name, exp.column(name, table=alias if is_told else None)))
        return [(name, replaced.get(name, column).copy()) for name, column in listed if name not in left_out]

    def type_of_parameter(self, node: exp.Expr, name: str) -> str | None:
        """The type of a lambda's parameter: of an element of the list that its function goes through."""
        scope = _lambda_of(node, name)
        listed = self.type_of(scope.parent.this) if scope is not None and scope.parent is not None else None
        return element_of(listed) if listed else None

    def type_of_column(self, column: exp.Column) -> str | None:
        name, table = column.name, column.table
        if parameter := self.type_of_parameter(column, table or name):
            return dict(fields_of(parameter)).get(name) if table else parameter
        for sources in (self.sources, self.outer):
            for alias, columns in sources.items():
                if columns is None:
                    continue
                if table in ("", alias):
                    for own, kind in columns.items():
                        if own.lower() == name.lower():
                            return kind
            if not table or table in sources:
                continue
            for columns in sources.values():
                if columns and table in columns:  # a field of a struct
                    return dict(fields_of(columns[table])).get(name)
        if not table and name in self.aliases and self.aliases[name] is not column:
            return self.type_of(self.aliases[name])
        return None

    # types ----------------------------------------------------------------------------------------------------------

    def type_of(self, node: exp.Expr) -> str | None:
        """DuckDB's type of an expression, noted on it and on all within; None where it does not matter."""
        if "kind" not in node.meta:
            node.meta["kind"] = None
            for child in node.iter_expressions():
                if not isinstance(child, exp.Query):
                    self.type_of(child)
            node.meta["kind"] = self.infer(node)
        found: str | None = node.meta["kind"]
        return found

    def infer(self, node: exp.Expr) -> str | None:
        def of(name: str) -> str | None:
            child = node.args.get(name)
            return self.type_of(child) if isinstance(child, exp.Expr) else None

        if isinstance(node, exp.Column):
            return self.type_of_column(node)
        if isinstance(node, exp.Identifier):
            return self.type_of_parameter(node, node.name)
        if isinstance(node, exp.Cast):
            return type_name(node.to)
        if isinstance(node, exp.Literal):
            if node.is_string:
                return "VARCHAR"
            return "DOUBLE" if "e" in node.name.lower() else "DECIMAL" if "." in node.name else "INTEGER"
        if isinstance(node, exp.Subquery):
            return next(iter(self.shapes.describe(duckdb_text(node.this)).values()))
        if isinstance(node, exp.Case):
            branches = [branch.args["true"] for branch in node.args["ifs"]]
            return widest([self.type_of(e) for e in [*branches, node.args.get("default")] if e is not None])
        if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
            return widest([self.type_of(e) for e in [node.this, *node.expressions]])
        for kind, classes in OF_ONE_TYPE.items():
            if isinstance(node, classes):
                return kind
        if isinstance(node, exp.Add | exp.Sub | exp.Mul):
            return type_of_arithmetic(of("this"), of("expression"))
        if isinstance(node, exp.IntDiv | exp.Mod):
            return widest([of("this"), of("expression")])
        if isinstance(node, exp.BitwiseXor):
            return "UBIGINT" if "UBIGINT" in (of("this"), of("expression")) else of("this")
        if isinstance(node, exp.Sum):
            summed = of("this") or ""
            return "DOUBLE" if summed == "DOUBLE" else "DECIMAL" if summed.startswith("DECIMAL") else "HUGEINT"
        if isinstance(node, FOR_DUCKDB) and not isinstance(node, exp.TryCast):
            return self.probed(node)
        if isinstance(node, exp.Bracket):
            whole, index = of("this") or "", node.expressions[0]
            if isinstance(index, exp.Slice):
                return whole or None
            return dict(fields_of(whole)).get(index.name) if is_struct(whole) else element_of(whole)
        if isinstance(node, exp.Dot):
            return dict(fields_of(of("this") or "")).get(node.expression.name)
        if isinstance(node, exp.Explode):
            return element_of(of("this") or "")
        if isinstance(node, exp.GenerateSeries):
            return "TIMESTAMP[]" if of("start") in ("DATE", "TIMESTAMP") else "BIGINT[]"
        if isinstance(node, exp.Anonymous):
            return ANONYMOUS_TYPES.get(node.name.lower()) or self.probed(node)
        if isinstance(node, exp.ArrayAgg):
            gathered = self.type_of(node.this.this if isinstance(node.this, exp.Order) else node.this)
            return f"{gathered}[]" if gathered else None
        if isinstance(node, exp.Array | exp.Struct | exp.Tuple | exp.Transform | exp.Null | exp.Lambda):
            return self.probed(node)
        if isinstance(node, exp.Func | exp.Condition | exp.Filter | exp.IgnoreNulls | exp.Alias | exp.Ordered):
            return of("this")
        return None

    def probed(self, node: exp.Expr) -> str | None:
        """What DuckDB says of the type of an expression of columns whose types are known."""
        try:
            text, _, takes = self.parametrized(node)
            return self.type_of_function(text, takes) if all(takes) else None
        except (UntranslatableError, duckdb.Error):
            return None

    # functions of DuckDB ---------------------------------------------------------------------------------------------

    def ask_duckdb(self, part: exp.Expr) -> None:
        """Let DuckDB compute what Spark has no word for, or another meaning for."""
        nodes = [part]
        while nodes:
            node = nodes.pop()
            if isinstance(node, exp.Query):
                continue
            within = _walk(node) if _has_lambda(node) else self.what_may_fail(node)
            if self.is_for_duckdb(node) or any(map(self.is_for_duckdb, within)):
                call = self.called(node)
                node.replace(call)
                nodes += call.expressions
            else:
                nodes += list(node.iter_expressions())

    def what_may_fail(self, node: exp.Expr) -> list[exp.Expr]:
        """The casts in a case: Spark would have them computed for rows of the other branches, too."""
        if not isinstance(node, exp.Case):
            return []
        return [part for part in _walk(node) if isinstance(part, exp.Cast) and not isinstance(part, exp.TryCast)]

    def is_for_duckdb(self, node: exp.Expr) -> bool:
        """Whether a node is computed by DuckDB, and not said in Spark's words."""
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            if name in (*ANONYMOUS, "product") or node.meta.get("said"):
                return False
            if not self.shapes.is_of_one_row(name):
                raise UntranslatableError(
                    f"`{duckdb_text(node)}`: {name} is computed from many rows, which batches part"
                )
            return True
        if isinstance(node, FOR_DUCKDB):
            return True
        kind = self.type_of(node)
        if isinstance(node, exp.DPipe):
            return any(is_written_otherwise(self.type_of(side)) for side in (node.this, node.expression))
        if isinstance(node, exp.Cast) and not isinstance(node.this, exp.Null):
            before = self.type_of(node.this)
            if kind == "VARCHAR":
                return is_written_otherwise(before)
            return before == "VARCHAR" and not isinstance(node.this, exp.Literal)
        # a time of day is no type of Spark's
        return isinstance(node, exp.Add) and any(self.type_of(side) == "TIME" for side in (node.this, node.expression))

    def called(self, node: exp.Expr) -> exp.Anonymous:
        text, arguments, takes = self.parametrized(node)
        if not arguments:
            raise UntranslatableError(
                f"`{duckdb_text(node)}` is of no column, and Spark calls no function of arrays without"
            )
        unknown = [duckdb_text(argument) for argument, kind in zip(arguments, takes, strict=True) if not kind]
        if unknown:
            raise UntranslatableError(f"the type of {', '.join(unknown)} in {duckdb_text(node)} is not known")
        gives = self.type_of_function(text, takes)
        name = "duckdb_" + hashlib.md5(f"{text} {takes}".encode()).hexdigest()[:12]
        self.translator.translation.functions[name] = Function(name, text, tuple(map(str, takes)), gives)
        return said(name, *arguments, kind=gives)

    def parametrized(self, node: exp.Expr) -> tuple[str, list[exp.Expr], list[str | None]]:
        """An expression of a0, a1 and so on, what these are, and their types.

        They are columns, and what is aggregated or looked up.
        """
        found: dict[str, exp.Expr] = {}
        for leaf in _leaves(node, set()):
            found.setdefault(duckdb_text(leaf), leaf)
        numbers = {text: number for number, text in enumerate(found)}
        holder = exp.Paren(this=node.copy())
        for leaf in [*_leaves(holder.this, set())]:
            leaf.replace(exp.column(f"a{numbers[duckdb_text(leaf)]}"))
        arguments = [*found.values()]
        return duckdb_text(holder.this), arguments, [self.type_of(argument) for argument in arguments]

    def type_of_function(self, text: str, takes: list[str | None]) -> str:
        columns = ", ".join(f"cast(null as {kind}) as a{number}" for number, kind in enumerate(takes)) or "1 as one"
        (kind,) = self.shapes.describe(f"select {text} from (select {columns})").values()
        return kind

    # words of Spark --------------------------------------------------------------------------------------------------

    def in_spark(self, node: exp.Expr) -> exp.Expr:
        """A node of which all children are in Spark's words, in Spark's words."""
        if node.meta.get("said"):
            return node
        if isinstance(node, exp.Anonymous):
            return ANONYMOUS[node.name.lower()](node)
        for kind in type(node).__mro__:
            if kind in REWRITES:
                return REWRITES[kind](node)
        if isinstance(node, exp.Func) and type(node) not in SAID_ALIKE and not isinstance(node, exp.Connector):
            raise UntranslatableError(
                f"{type(node).__name__} in `{duckdb_text(node)}`: write its rule in spark/rewrites.py"
            )
        return node


# the tree -------------------------------------------------------------------------------------------------------------


def _walk(node: exp.Expr) -> Iterator[exp.Expr]:
    """A node and all below it, without the queries in it."""
    yield node
    for child in node.iter_expressions():
        if not isinstance(child, exp.Query):
            yield from _walk(child)


def _leaves(node: exp.Expr, bound: set[str]) -> Iterator[exp.Expr]:
    """The topmost parts of an expression that only its query can compute."""
    if isinstance(node, exp.Lambda):
        bound = bound | {parameter.name for parameter in node.expressions}
    if isinstance(node, exp.Column):
        if node.name not in bound and node.table not in bound:
            yield node
        return
    if isinstance(node, exp.AggFunc | exp.Window | exp.Subquery | exp.Filter | exp.Query):
        yield node
        return
    for child in node.iter_expressions():
        yield from _leaves(child, bound)


def _lambda_of(node: exp.Expr, name: str) -> exp.Lambda | None:
    """The innermost lambda around a node that has a parameter of a name."""
    scope = node.find_ancestor(exp.Lambda)
    while scope is not None and name not in [parameter.name for parameter in scope.expressions]:
        scope = scope.find_ancestor(exp.Lambda)
    return scope


def _call_columns(query: exp.Expr, names: Iterable[str]) -> None:
    """Let the columns of a query have these names, in their order."""
    for item, name in zip([*query.expressions], names, strict=False):
        item.replace(exp.alias_(item.unalias(), name))


def _has_lambda(node: exp.Expr) -> bool:
    return any(isinstance(child, exp.Lambda) for child in node.iter_expressions())


def _is_costly(query: exp.Expr) -> bool:
    """Whether a step does more than choose columns and rows."""
    return query.find(exp.Join, exp.Group, exp.Window, exp.AggFunc, exp.Distinct, exp.Explode) is not None


def _name_for_spark(table: exp.Table) -> None:
    """Relations are views of their own names."""
    if table.db == "plumbing":
        name = f"plumbing_{table.name}"
    elif isinstance(table.this, exp.Identifier):
        name = table.name
    else:
        return
    table.set("this", exp.to_identifier(name))
    table.set("db", None)
    table.set("catalog", None)
