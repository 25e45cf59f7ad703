"""Plain dbt that also says what each node took: `python -m benchmarks.dbt_nodes OUT.json build …`.

dbt itself records wall time only, which misleads on a shared machine. One node runs at a time (threads: 1), so the
process's CPU seconds between a node's start and its end are its own.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner


def main() -> int:
    """Run dbt, write {node: CPU seconds}, return dbt's verdict."""
    out, *arguments = sys.argv[1:]
    began: dict[str, float] = {}
    taken: dict[str, float] = {}

    def watch(event: Any) -> None:
        if event.info.name not in ("NodeStart", "NodeFinished"):
            return
        node = event.data.node_info.unique_id.split(".", 2)[2]
        if event.info.name == "NodeStart":
            began[node] = time.process_time()
        else:
            taken[node] = round(time.process_time() - began[node], 3)

    result = dbtRunner(callbacks=[watch]).invoke(arguments)
    taken["(start of dbt, parsing and the rest)"] = round(time.process_time() - sum(taken.values()), 3)
    Path(out).write_text(json.dumps(taken))
    return 0 if result.success else 1


if __name__ == "__main__":
    raise SystemExit(main())
