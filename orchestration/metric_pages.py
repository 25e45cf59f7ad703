"""docs/metrics: what the cards say, a page for each area, written by `make docs`."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

FOLDER = Path("docs/metrics")
HEAD = "<!-- Written by `make docs` from the cards at the top of models/marts/*/metric_*.sql. Edit those. -->\n\n"
GOOD = {"up": "more is better", "down": "less is better", "neutral": "neither way is better"}
INDEX = """\
# Metrics

Every headline metric is a relation of its own, `metric_<name>`, with the same six columns: `period`, `period_start`,
`segment`, `segment_value`, `metric_value`, `is_complete`. Compare only rows that are complete; never add up values of
different segments.

```sql
select period_start, metric_value from metric_mau where segment = 'all' and is_complete order by period_start;
```

A metric that MetricFlow knows too gives the same numbers there, by any dimension of its semantic model: see
[the semantic layer](../semantic-layer.md).

| metric | means | unit | MetricFlow |
|---|---|---|---|
"""


def pages(manifest: dict[str, Any]) -> dict[str, str]:
    """The pages by their path in the repository.

    Args:
        manifest: dbt's manifest.json as a mapping.
    """
    areas: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["config"]["meta"].get("card"):
            areas[node["fqn"][-2]].append(node)
    semantic = {metric["name"] for metric in manifest.get("metrics", {}).values()}
    index = HEAD + INDEX
    found = {}
    for area, nodes in sorted(areas.items()):
        nodes.sort(key=lambda node: str(node["config"]["meta"]["card"]["title"]))
        for node in nodes:
            card = node["config"]["meta"]["card"]
            known = "yes" if _short(node) in semantic else ""
            index += (
                f"| [{card['title']}]({area}.md#{node['name']}) | {card['definition']} | {card['unit']} | {known} |\n"
            )
        title = f"# Metrics of {area}\n\n[All metrics](README.md)\n"
        found[str(FOLDER / f"{area}.md")] = HEAD + title + "".join(_section(manifest, node, semantic) for node in nodes)
    return {str(FOLDER / "README.md"): index, **found}


def write(manifest: dict[str, Any], root: Path) -> list[Path]:
    """Write the pages below the root of a repository, and take away those of areas that are gone; return the rest."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    texts = pages(manifest)
    for page in folder.glob("*.md"):
        if str(page.relative_to(root)) not in texts:
            page.unlink()
    for path, text in texts.items():
        (root / path).write_text(text)
    return sorted(root / path for path in texts)


def _section(manifest: dict[str, Any], node: dict[str, Any], semantic: set[str]) -> str:
    card = node["config"]["meta"]["card"]
    parents = _parents(manifest, [node["unique_id"]])
    lines = [
        f'\n## <a id="{node["name"]}"></a>{card["title"]}\n',
        f"{card['definition']}\n",
        f"- **Relation**: [{node['name']}]({_file(node)}), in {card['unit']}, {GOOD[card['good']]}",
        f"- **Owner**: {card['owner']}",
        f"- **Reads**: {_links(manifest, parents)}, made from {_links(manifest, _parents(manifest, parents))}",
    ]
    if readers := _readers(manifest, node["unique_id"]):
        lines.append(f"- **Read by**: {_links(manifest, readers)}")
    if _short(node) in semantic:
        lines.append(f"- **MetricFlow**: `mf query --metrics {_short(node)} --group-by metric_time`")
    return "\n".join(lines) + "\n"


def _short(node: dict[str, Any]) -> str:
    name: str = node["name"]
    return name.removeprefix("metric_")


def _file(node: dict[str, Any]) -> str:
    return f"../../{node['original_file_path']}"


def _links(manifest: dict[str, Any], keys: list[str]) -> str:
    nodes = [manifest["nodes"][key] for key in keys]
    return ", ".join(f"[{node['name']}]({_file(node)})" for node in sorted(nodes, key=lambda node: str(node["name"])))


def _parents(manifest: dict[str, Any], keys: list[str]) -> list[str]:
    found = {parent for key in keys for parent in manifest["nodes"][key]["depends_on"].get("nodes", [])}
    return sorted(parent for parent in found if parent in manifest["nodes"])


def _readers(manifest: dict[str, Any], key: str) -> list[str]:
    return sorted(
        other["unique_id"]
        for other in manifest["nodes"].values()
        if other["resource_type"] == "model" and key in other["depends_on"].get("nodes", [])
    )


def main() -> None:
    """Write the pages of this repository from its models as they are now."""
    from orchestration.build import parsed_manifest
    from orchestration.settings import home, project_dir

    for path in write(json.loads(parsed_manifest(home()).read_text()), project_dir()):
        print(path.relative_to(project_dir()))


if __name__ == "__main__":
    main()
