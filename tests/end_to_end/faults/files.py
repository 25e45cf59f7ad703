"""What the modules of this folder load."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class File:
    """A file to load; `options` are those of `ingest.load`."""

    name: str
    content: str | bytes
    options: dict[str, Any] = field(default_factory=dict)


def ndjson(name: str, *events: dict[str, Any], **options: Any) -> File:
    """A file of these events."""
    return File(name, "".join(f"{json.dumps(event)}\n" for event in events), options)
