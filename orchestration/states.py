"""What a build need not do again: each relation's state, and the nodes that are up to date by it.

A node is up to date when all that it was made from is what it was: its code, the settings, the project's macros, the
versions, what has landed, and the content of every relation it reads. What that was stands beside it in the warehouse
(`plumbing.states`, macros/plumbing/states.sql). The decision is made when dbt comes to the node, so a table that was
built again and came out the same spares its readers.
"""

# identifiers come from dbt's manifest, and are quoted there
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.values import values_version
from orchestration.settings import FITS
from serving.relations import content_of

if TYPE_CHECKING:
    import duckdb

# set by whoever asks for a build of what can have changed alone; plain dbt builds all that it is told to
ONLY_CHANGED = "FOOTFALL_ONLY_CHANGED"
# what of the nodes of a build has something to run
RUN = ("model", "seed", "test", "snapshot")
# by which dbt's results say that a node was left as it is, that its statement was done again, or why it ran
UP_TO_DATE = "up_to_date"
AGAIN = "done_again"
REASON = "reason"
UNKNOWN = "nothing is known of it"
WHOLE = "everything is built whole"
READS_FILES = "it reads files"
ASKS_FOR_THE_TIME = "it asks for the time"
GONE = "its relation is missing"
EDITED = "its table was changed"
OTHER_REASONS = (UNKNOWN, WHOLE, READS_FILES, ASKS_FOR_THE_TIME, GONE, EDITED)
# of the inputs that are no relations
OF_ALL_KINDS = {
    "project": "macros, versions or the home's place changed",
    "settings": "a setting changed",
    "code": "its code changed",
    "graph": "the code of another node changed",
    "landing": "batches landed",
}
# what dbt cannot know a node to read: it runs in every build
FILES = re.compile(r"\b(glob|read_\w+)\s*\(", re.IGNORECASE)
CLOCKS = re.compile(
    r"\b(current_date|current_time(stamp)?|localtime(stamp)?|get_current_time\w*|transaction_timestamp|run_started_at"
    r"|now\s*\(|today\s*\(|datetime\.|time\.time|random\s*\(|uuid\w*\s*\(|gen_random_uuid)",
    re.IGNORECASE,
)
# what is asked of the warehouse while SQL is written stands in the SQL
ASKS = re.compile(r"\b(run_query|statement|adapter)\b")
# what dbt knows of the warehouse without asking, and of other nodes
CACHED = re.compile(r"\b(adapter|load_relation|load_cached_relation)\b")
GRAPH = re.compile(r"\bgraph\b")
# of what dbt had DuckDB do for a node: what asks, and what only opens and closes
QUERY = re.compile(r"\s*(/\*.*?\*/\s*)?(describe|select|from|with)\b", re.IGNORECASE | re.DOTALL)
TRANSACTION = re.compile(r"\s*(begin|commit)\s*;?\s*", re.IGNORECASE)
CONFIG = re.compile(r"\{\{-?\s*config\(.*?\)\s*-?\}\}", re.DOTALL)
MACRO = re.compile(r"\{%.*?%\}", re.DOTALL)
WORD = re.compile(r"\w+")
VERSIONS = ("duckdb", "dbt-core", "dbt-duckdb", "pandas", "numpy", "scipy")
FLUSH_AFTER = 25


@dataclass(frozen=True)
class State:
    """What a node was made from when it was last run, and what it then was.

    Attributes:
        inputs: a digest of each thing it was made from, by what it is.
        content: of a table, what tells its rows from others.
        relation_columns: of a table, a digest of its columns' names and types.
        compiled_code: of a view, its query, which publishing reads.
        result: dbt's `status`, `message` and `failures`.
        script: of a table or a test, what dbt had DuckDB do for it, where that is the same while its code is.
        columns_read: of a table with a script, a digest of the columns of what it reads.
    """

    inputs: dict[str, str]
    content: str = ""
    relation_columns: str = ""
    compiled_code: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    script: str = ""
    columns_read: str = ""


@dataclass(frozen=True)
class Forecast:
    """What a build would do with a node, and why: `runs`, `perhaps` (it hangs on what runs before) or `up to date`."""

    node: str
    what: str
    why: str


class States:
    """The states of one warehouse, as a build reads and writes them.

    Args:
        manifest: dbt's.
        connection: a cursor of the warehouse, on which nothing else runs.
        settings: the project's settings as this build uses them.
        home: the folder of all state; views name files of it.
        whole: whether everything is to be built.
        landed_now: whether to look for what has landed, which a build did when it began.
    """

    def __init__(
        self,
        manifest: Any,
        connection: duckdb.DuckDBPyConnection,
        settings: Mapping[str, Any],
        home: str,
        whole: bool = False,
        landed_now: bool = False,
    ) -> None:
        self.manifest, self.connection, self.whole, self.landed_now = manifest, connection, whole, landed_now
        self.home = home
        self.kept = read_states(connection)
        self.written: dict[str, State] = {}
        self.asked: dict[str, dict[str, str]] = {}
        self._codes: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._views: dict[str, str] = {}
        self.of_all = {"settings": _digest(sorted(settings.items())), "project": self._project()}

    def reason(self, node: Any) -> str | None:
        """Why a node is to run, in a few words; None when it is up to date."""
        self.asked[node.unique_id] = inputs = self._inputs(node)
        if self.whole:
            return WHOLE
        if node.resource_type not in ("model", "seed", "test"):
            return "it always runs"
        if FILES.search(self._text(node)):
            return READS_FILES
        if CLOCKS.search(self._text(node)):
            return ASKS_FOR_THE_TIME
        kept = self.kept.get(node.unique_id)
        if kept is None:
            return UNKNOWN
        changed = [name for name, value in inputs.items() if value != kept.inputs.get(name) or not value]
        changed += kept.inputs.keys() - inputs.keys()
        if changed:
            return _in_words(changed)
        if node.resource_type == "seed" and kept.content != self._seeds.get(node.unique_id):
            return EDITED
        if node.resource_type == "model" and node.relation_name.lower() not in self._relations:
            return GONE
        return None

    def forecast(self) -> list[Forecast]:
        """What a build would do with each node, in its order, as far as that is known before it begins."""
        nodes = {node.unique_id: node for node in self.manifest.nodes.values() if node.resource_type in RUN}
        parents = {key: [*getattr(node.depends_on, "nodes", ())] for key, node in nodes.items()}
        # what may come out as something else: the rows of what runs, and of a view what it reads
        moving: set[str] = set()
        found = []
        for key in TopologicalSorter(parents).static_order():
            if key not in nodes:
                continue
            reason, reads = self.reason(nodes[key]), [parent for parent in parents[key] if parent in moving]
            # a node whose inputs are unknown only because they have still to run may find them as they were
            waits = reason is not None and reason == _in_words(reads)
            if waits or (reads and reason is None and nodes[key].config.materialized != "view"):
                told = Forecast(key, "perhaps", f"if {_names(reads)} changes")
            else:
                told = Forecast(key, "runs" if reason else "up to date", reason or "")
            if reads or reason:
                moving.add(key)
            found.append(told)
        return found

    def script(self, node: Any) -> str:
        """What makes a table, or asks a test, again as dbt last did, without dbt; empty where that is not known."""
        kept, asked = self.kept.get(node.unique_id), self.asked[node.unique_id]
        if kept is None or not kept.script or self.whole:
            return ""
        if any(kept.inputs.get(name) != asked.get(name) for name in (*self.of_all, "code", "graph")):
            return ""
        is_as_it_was = node.resource_type == "test" or kept.columns_read == self._columns_read(node)
        return kept.script if is_as_it_was else ""

    def record(self, node: Any, result: Any, statements: Sequence[str] = ()) -> None:
        """Note what a node that has run was made from, what it is now, and by which statements."""
        if result.status not in ("success", "pass", "warn"):
            return
        told = {"status": str(result.status), "message": result.message, "failures": result.failures}
        state = State(self.asked[node.unique_id], result=told)
        if script := self._script_among(node, statements):
            columns_read = self._columns_read(node) if node.resource_type == "model" else ""
            state = replace(state, script=script, columns_read=columns_read)
        if node.resource_type in ("model", "seed"):
            materialized = node.config.materialized
            if materialized == "view":
                state = replace(state, compiled_code=node.compiled_code or "")
            else:
                content, columns = self._content(node), self._columns_of(node.relation_name)
                state = replace(state, content=content, relation_columns=columns)
            self._relations.add(node.relation_name.lower())
            if node.resource_type == "seed":
                self._seeds[node.unique_id] = state.content
            if materialized == "incremental":
                self.__dict__.pop("_settled", None)
        self.kept[node.unique_id] = self.written[node.unique_id] = state
        self._views.clear()
        if len(self.written) >= FLUSH_AFTER:
            self.flush()

    def flush(self) -> None:
        """Write down what was noted. What a killed build did not write runs again."""
        if not self.written:
            return
        rows = [
            (
                node,
                json.dumps(state.inputs),
                state.content,
                state.relation_columns,
                state.compiled_code,
                json.dumps(state.result),
                state.script,
                state.columns_read,
            )
            for node, state in self.written.items()
        ]
        self.connection.execute("begin")
        self.connection.execute(
            "delete from plumbing.states where node in (select unnest(?))", [[row[0] for row in rows]]
        )
        self.connection.execute(
            f"insert into plumbing.states values {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?)'] * len(rows))}",
            [value for row in rows for value in row],
        )
        self.connection.execute("commit")
        self.written = {}

    def _script_among(self, node: Any, statements: Sequence[str]) -> str:
        """The one statement that made a table or asked a test, when nothing but its code decides what it says."""
        text = self._text(node)
        if CLOCKS.search(text) or CACHED.search(text):
            return ""
        work = [statement for statement in statements if not TRANSACTION.fullmatch(statement)]
        if node.resource_type == "model":
            config = node.config
            has_hooks = config.pre_hook or config.post_hook
            if config.materialized != "table" or node.language != "sql" or has_hooks or ASKS.search(text):
                return ""
            # before it, dbt holds the query's columns to the contract: they change with the code or what it reads
            work = [statement for statement in work if not QUERY.match(statement)]
        elif node.resource_type != "test":
            return ""
        # a test may name a macro that asks the warehouse, and not reach it
        return work[0] if len(work) == 1 else ""

    def _columns_read(self, node: Any) -> str:
        return _digest([self._columns(parent) for parent in node.depends_on.nodes])

    def _inputs(self, node: Any) -> dict[str, str]:
        """A digest of each thing that a node is made from; an empty one is unknown, and never up to date."""
        inputs = {**self.of_all, "code": self._code(node)}
        # the fingerprint of an incremental model knows what it reads of others
        if node.config.materialized != "incremental" and GRAPH.search(self._text(node)):
            inputs["graph"] = self._graph
        is_view = node.resource_type == "model" and node.config.materialized == "view"
        # a view is its definition: it stands as long as the columns do that it selects from
        by_columns = is_view and not ASKS.search(self._text(node))
        for parent in getattr(node.depends_on, "nodes", ()):
            inputs[parent] = self._columns(parent) if by_columns else self._state(parent)
        if not by_columns and self._follows_batches(node):
            inputs["landing"] = self._landed if node.name.startswith("stg_") and not is_view else self._settled
        return inputs

    def _follows_batches(self, node: Any) -> bool:
        if node.resource_type == "test":
            # one that looks at unproven batches alone has held over the others as they are
            return "plumbing." in node.raw_code
        return node.resource_type == "model" and (
            node.config.materialized == "incremental" or "plumbing." in self._text(node)
        )

    def _state(self, unique_id: str) -> str:
        """What tells the rows of a relation from others; empty where it is not known."""
        if unique_id in self.manifest.sources:
            return self._landed
        node, kept = self.manifest.nodes[unique_id], self.kept.get(unique_id)
        if node.resource_type == "seed":
            return self._seeds.get(unique_id, "")
        if kept is None or node.config.materialized != "view":
            return kept.content if kept else ""
        if unique_id not in self._views:
            # a view that stands as another definition is unknown until it is made anew
            parents = [self._state(parent) for parent in node.depends_on.nodes]
            if self._follows_batches(node):
                parents.append(self._settled)
            known = all(parents) and kept.inputs == self._inputs(node)
            self._views[unique_id] = _digest([kept.inputs, parents]) if known else ""
        return self._views[unique_id]

    def _columns(self, unique_id: str) -> str:
        """A digest of the columns that a reader of a relation can select; empty where they are not known."""
        if unique_id in self.manifest.sources:
            return self._columns_of(self.manifest.sources[unique_id].relation_name)
        node, kept = self.manifest.nodes[unique_id], self.kept.get(unique_id)
        if kept is None:
            return ""
        if node.config.materialized != "view":
            return kept.relation_columns
        return _digest(kept.inputs) if kept.inputs == self._inputs(node) else ""

    def _columns_of(self, relation: str) -> str:
        described = self.connection.execute(f"describe select * from {relation}").fetchall()
        return _digest([(name, kind) for name, kind, *_ in described])

    def _content(self, node: Any) -> str:
        """What tells the rows of a table, just written, from others.

        The rows of an incremental model are too many to be read for this: it is another one whenever it exchanged any.
        """
        if node.config.materialized == "incremental":
            found = self.connection.execute("select content from plumbing.states where node = ?", [node.unique_id])
            row = found.fetchone()
            return row[0] if row else uuid.uuid4().hex
        return content_of(self.connection, node.relation_name)

    def _code(self, node: Any) -> str:
        if node.unique_id not in self._codes:
            self._codes[node.unique_id] = self._code_as_it_is(node)
        return self._codes[node.unique_id]

    @cached_property
    def _graph(self) -> str:
        """The code of all nodes, for one that looks at others: at a title, or a unit."""
        return _digest([self._code(node) for _, node in sorted(self.manifest.nodes.items())])

    def _code_as_it_is(self, node: Any) -> str:
        parts = [node.resource_type, node.raw_code, node.config.to_dict(), getattr(node, "relation_name", None)]
        parts.append([(name, column.data_type) for name, column in node.columns.items()])
        if node.resource_type == "seed":
            parts.append(self._file_of(node))
        if getattr(node, "test_metadata", None):
            parts.append([node.test_metadata.to_dict(), node.column_name])
        return _digest(parts)

    def _file_of(self, seed: Any) -> str:
        return hashlib.sha256(Path(seed.root_path, seed.original_file_path).read_bytes()).hexdigest()

    def _text(self, node: Any) -> str:
        """The code of a node and of every macro that it names, its hooks left out."""
        found = self._texts.get(node.unique_id)
        if found is None:
            found = self._texts[node.unique_id] = self._with_macros(CONFIG.sub("", node.raw_code or ""))
        return found

    def _with_macros(self, text: str) -> str:
        texts, waiting = [text], set(WORD.findall(text)) & self._macros.keys()
        reached: set[str] = set()
        while waiting:
            name = waiting.pop()
            reached.add(name)
            texts.append(self._macros[name])
            waiting |= (set(WORD.findall(self._macros[name])) & self._macros.keys()) - reached
        return "\n".join(texts)

    @cached_property
    def _macros(self) -> dict[str, str]:
        package = self.manifest.metadata.project_name
        return {macro.name: macro.macro_sql for macro in self.manifest.macros.values() if macro.package_name == package}

    def _project(self) -> str:
        """What every node is made with: the project's macros, the versions, and where the files lie."""
        fits = [path.read_text() for path in sorted(FITS.rglob("*.py"))]
        versions = [(name, version(name)) for name in VERSIONS]
        return _digest([sorted(self._macros.items()), fits, versions, values_version(), self.home])

    @cached_property
    def _landed(self) -> str:
        """The batches that this build sees."""
        batches = "plumbing.landed_batches"
        if self.landed_now:
            batches = (
                f"({MACRO.sub('', self._macros['landed_now']).replace('{{ landing_path() }}', f'{self.home}/landing')})"
            )
        return self._digest_of(f"select batch_id, file from {batches} order by all")

    @cached_property
    def _settled(self) -> str:
        """The batches that this build sees, and those whose copies are settled."""
        return _digest([self._landed, self._digest_of("select batch_id from plumbing.settled_batches order by all")])

    def _digest_of(self, query: str) -> str:
        return _digest(self.connection.execute(query).fetchall())

    @cached_property
    def _relations(self) -> set[str]:
        tables = self.connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
        ).fetchall()
        views = self.connection.execute("select database_name, schema_name, view_name from duckdb_views()").fetchall()
        return {".".join(f'"{part}"' for part in parts).lower() for parts in (*tables, *views)}

    @cached_property
    def _seeds(self) -> dict[str, str]:
        """The content of each seed as it stands, whoever changed it."""
        return {
            node.unique_id: content_of(self.connection, node.relation_name)
            for node in self.manifest.nodes.values()
            if node.resource_type == "seed" and node.relation_name.lower() in self._relations
        }


def read_states(connection: duckdb.DuckDBPyConnection) -> dict[str, State]:
    """What was kept of each node, by its unique id."""
    rows = connection.execute("from plumbing.states").fetchall()
    return {
        node: State(json.loads(inputs), content, columns, compiled_code, json.loads(result), script, columns_read)
        for node, inputs, content, columns, compiled_code, result, script, columns_read in rows
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:20]


def kind_of(reason: str | None) -> str:
    """A reason without names, for counting; none is given where nothing was asked."""
    if reason is None:
        return WHOLE
    return reason if reason in (*OF_ALL_KINDS.values(), *OTHER_REASONS) else "what they read changed"


def _in_words(changed: Iterable[str]) -> str:
    """What of its inputs is another, the most telling first."""
    names = list(changed)
    for name, words in OF_ALL_KINDS.items():
        if name in names:
            return words
    return f"{_names(names)} changed"


def _names(unique_ids: Iterable[str]) -> str:
    return " and ".join(sorted(unique_id.split(".")[-1] for unique_id in unique_ids))
