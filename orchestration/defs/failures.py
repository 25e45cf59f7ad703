"""Failures of a build as Dagster's pages show them."""

from typing import Any

import dagster as dg

from orchestration.failures import Failure
from orchestration.settings import project_dir


def told_of(failure: Failure) -> dict[str, Any]:
    """What is known of a failure, as metadata: what it means, its first rows, where all of them are, the mend."""
    told: dict[str, Any] = {"message": failure["message"]}
    if failure.get("means"):
        told["what a failing row means"] = failure["means"]
    if failure.get("rows"):
        records = [
            dg.TableRecord(dict(zip(failure["columns"], row, strict=True)))  # text, so that nothing is rendered
            for row in failure["rows"]
        ]
        schema = dg.TableSchema([dg.TableColumn(name) for name in failure["columns"]])
        told["first failing rows"] = dg.MetadataValue.table(records, schema)
    if failure["compiled"]:
        told["query of all of them"] = dg.MetadataValue.path(project_dir() / failure["compiled"])
    if failure.get("mend"):
        told["mend"] = failure["mend"]
    return told
