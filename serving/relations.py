"""What is published and how, as the models themselves say it in dbt's manifest (`config.meta.publish`)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import duckdb

from ingest.values import values_version
from serving.publications import INTERNAL, MAIN

Kind = Literal["table", "view", "files", "landing"]
# which landing batches the models have taken in: views over landed files read it
BATCHES = "plumbing.processed_batches"
# what the build kept of each relation that stands as it left it (macros/plumbing/states.sql)
STATES = "plumbing.states"
PLUMBING = "plumbing"
PUBLISHED_BATCHES = f"{INTERNAL}.processed_batches"
PARQUET_SOURCE = re.compile(r"read_parquet\('((?:[^']|'')*)'(.*)\)", re.DOTALL)


class PublishError(Exception):
    """What was built cannot be published as the models ask."""


@dataclass(frozen=True)
class Relation:
    """One relation to publish.

    Attributes:
        name: its name in the published database.
        built_as: its quoted, qualified name in the warehouse.
        kind: `table` is copied, `view` is computed from other published relations, `files` are immutable day files,
            `landing` is a source that views read: the landed files themselves, which are immutable already.
        description, column_descriptions: texts of the model's YAML.
        sql: the compiled query, for a `view`.
        day, fingerprint: the date column and the integer hash column, for `files`.
        without: columns that the warehouse alone has a use for, such as digests by which it tells what changed: for
            `files`, and they may differ where a day's fingerprint does not.
        logic: digest of the code, seeds and settings that the rows come from, for `files`.
        checks: how many dbt tests stand on the model.
        is_internal: whether it is there for other relations and our own readers, and not for people.
        card: of a metric: its title, definition, unit, owner and which way is good; empty for other relations.
        unique_id: dbt's, by which the warehouse keeps its state.
        made_of: dbt's ids of the tables and sources whose rows it shows: of a table itself, of a view those that it
            reads through whatever views, and `plumbing` where one of them asks which batches were taken in.
    """

    name: str
    built_as: str
    kind: Kind
    description: str
    column_descriptions: dict[str, str]
    sql: str
    day: str
    fingerprint: str
    logic: str
    checks: int
    is_internal: bool
    without: tuple[str, ...] = ()
    card: dict[str, str] = field(default_factory=dict)
    unique_id: str = ""
    made_of: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """The schema of the published database that it lies in."""
        return INTERNAL if self.is_internal else MAIN

    @property
    def hidden(self) -> set[str]:
        """The columns that readers do not see; the fingerprint is in the files, which are held to it."""
        return {*self.without, self.fingerprint}

    @property
    def grain(self) -> str:
        """The first sentence of the description, which says what one row is."""
        return " ".join(self.description.split()).split(". ")[0].rstrip(".")


def read_relations(manifest_path: Path, settings: dict[str, Any]) -> list[Relation]:
    """The relations to publish, each after those it reads.

    Args:
        manifest_path: dbt's manifest.json of the build that is published.
        settings: what the numbers mean; day files written under other settings are written anew.

    Raises:
        PublishError: when a model's publish setting is not understood, or a view reads what is not published.
    """
    try:
        manifest = json.loads(manifest_path.read_text())
    except FileNotFoundError:
        raise PublishError(f"There is no {manifest_path}. Run `footfall build` first.") from None
    nodes = manifest["nodes"]
    wanted = {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] in ("model", "seed", "snapshot") and _publish_setting(node)
    }
    if not wanted:
        raise PublishError("No model asks to be published. Give the marts `config.meta.publish`.")
    sources = {
        key: manifest["sources"][key] for node in wanted.values() for key in _reads(node) if key in manifest["sources"]
    }
    checks = _count_checks(manifest)
    order = TopologicalSorter({key: _reads(node) & wanted.keys() for key, node in wanted.items()}).static_order()
    models = [_relation(manifest, key, wanted, settings, checks) for key in order]
    read = "".join(model.sql for model in models)
    return [_source(source) for source in sources.values() if f'"{_source_name(source)}"' in read] + models


def _publish_setting(node: dict[str, Any]) -> Any:
    return node["config"].get("meta", {}).get("publish")


def _is_internal(node: dict[str, Any]) -> bool:
    return bool(node["config"].get("meta", {}).get("internal"))


def _reads(node: dict[str, Any]) -> set[str]:
    return set(node.get("depends_on", {}).get("nodes", []))


def _source_name(source: dict[str, Any]) -> str:
    return f"{source['source_name']}_{source['name']}"


def _source(source: dict[str, Any]) -> Relation:
    """A source of Parquet files, published because views read it."""
    if not PARQUET_SOURCE.fullmatch(source["relation_name"]):
        raise PublishError(
            f"A published view reads source {source['name']}, which is {source['relation_name']}. Only sources of "
            "the form read_parquet('…') can be published; publish the view as a table."
        )
    return Relation(
        name=_source_name(source),
        built_as=source["relation_name"],
        kind="landing",
        description=source["description"],
        column_descriptions={name.lower(): column["description"] for name, column in source["columns"].items()},
        sql="",
        day="",
        fingerprint="",
        logic="",
        checks=0,
        is_internal=True,
        unique_id=source["unique_id"],
        made_of=(source["unique_id"],),
    )


def _relation(
    manifest: dict[str, Any],
    key: str,
    wanted: dict[str, Any],
    settings: dict[str, Any],
    checks: dict[str, int],
) -> Relation:
    node = wanted[key]
    publish = _publish_setting(node)
    details = publish if isinstance(publish, dict) else {"as": publish}
    kind, day, fingerprint = details.get("as"), details.get("day", ""), details.get("fingerprint", "")
    unknown = details.keys() - ({"as", "day", "fingerprint", "without"} if kind == "files" else {"as"})
    if kind not in ("table", "view", "files") or unknown or (kind == "files" and not (day and fingerprint)):
        raise PublishError(
            f"Model {node['name']} has meta.publish {json.dumps(publish)}. Write `table`, `view`, or "
            "`{as: files, day: <date column>, fingerprint: <integer hash column>, without: [<columns>]}`."
        )
    return Relation(
        name=node["alias"],
        built_as=node["relation_name"],
        kind=kind,
        description=_description(node),
        column_descriptions={name.lower(): column["description"] for name, column in node["columns"].items()},
        sql=_published_sql(manifest, node, wanted) if kind == "view" else "",
        day=day,
        fingerprint=fingerprint,
        logic=_logic(manifest, key, settings) if kind == "files" else "",
        checks=checks.get(key, 0),
        is_internal=_is_internal(node),
        without=tuple(details.get("without", ())),
        card=node["config"]["meta"].get("card", {}),
        unique_id=key,
        made_of=tuple(sorted(_made_of(manifest, key))),
    )


def content_of(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """A digest of the multiset of a relation's rows; `relation` is its quoted, qualified name.

    Hashed twice: DuckDB joins the hashes of a row's columns by exclusive or, so that the sum alone stays the same in
    one of a hundred million exchanges of a value between two rows, and the exclusive or of the rows in every one.
    """
    query = f"select count(*), sum(cast(hash(hash(whole_row)) as hugeint)) from {relation} as whole_row"  # noqa: S608
    count, total = connection.execute(query).fetchall()[0]
    return f"{count}:{total}"


def _description(node: dict[str, Any]) -> str:
    """What readers are told of a model; of a metric also what its card says."""
    text: str = node["description"]
    if card := node["config"]["meta"].get("card"):
        text = f"{text.rstrip()} {card['title']}, in {card['unit']}: {card['definition']}"
    return text


def _published_sql(manifest: dict[str, Any], node: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The compiled query of a view, reading published relations in place of the warehouse's."""
    sql: str | None = node.get("compiled_code")
    if not sql:
        raise PublishError(f"Model {node['name']} was not compiled in the last build. Run `footfall build` again.")
    for parent in sorted(_reads(node)):
        if parent in manifest["sources"]:
            source = manifest["sources"][parent]
            sql = sql.replace(source["relation_name"], f'"{INTERNAL}"."{_source_name(source)}"')
            continue
        if parent not in wanted:
            raise PublishError(
                f"Model {node['name']} is published as a view and reads {parent.split('.')[-1]}, which is not "
                f"published. Give {parent.split('.')[-1]} a meta.publish, or publish {node['name']} as a table."
            )
        schema = INTERNAL if _is_internal(wanted[parent]) else MAIN
        sql = sql.replace(wanted[parent]["relation_name"], f'"{schema}"."{wanted[parent]["alias"]}"')
    if f'"{node["database"]}".' in sql:
        raise PublishError(
            f"Model {node['name']} is published as a view and names the warehouse itself. Use ref() in it."
        )
    return sql.strip().replace(BATCHES, PUBLISHED_BATCHES)


def _made_of(manifest: dict[str, Any], key: str) -> set[str]:
    """The tables and sources whose rows a node shows."""
    node = manifest["nodes"].get(key)
    if node is None or node["config"]["materialized"] != "view":
        return {key}
    asked = {PLUMBING} if f"{PLUMBING}." in node["raw_code"] else set[str]()
    return asked.union(*(_made_of(manifest, parent) for parent in _reads(node)))


def _logic(manifest: dict[str, Any], key: str, settings: dict[str, Any]) -> str:
    """Digest of the model's own code and of all that it is computed with: ancestors, macros, seeds, settings.

    Of the project's macros all count: which ones a node calls, dbt's manifest says only of those that ran.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    digest.update(values_version().encode())
    for unique_id in sorted(_ancestry(manifest["nodes"], key)):
        digest.update(f"{unique_id} {manifest['nodes'][unique_id]['checksum']['checksum']}\n".encode())
    project = manifest["metadata"]["project_name"]
    for name, macro in sorted(manifest["macros"].items()):
        if macro["package_name"] == project:
            digest.update(f"{name} {macro['macro_sql']}\n".encode())
    return digest.hexdigest()[:16]


def _ancestry(nodes: dict[str, Any], key: str) -> set[str]:
    """A node and all that it reads, directly or not."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += [parent for parent in _reads(nodes[key]) if parent in nodes]
    return found


def _count_checks(manifest: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for test in [*manifest["nodes"].values(), *manifest.get("unit_tests", {}).values()]:
        if test["resource_type"] in ("test", "unit_test"):
            for key in _reads(test):
                counts[key] = counts.get(key, 0) + 1
    return counts
