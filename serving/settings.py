"""What publishing and the API may be told by the environment (prefix FOOTFALL_)."""

from __future__ import annotations

from pydantic import Field

from ingest.settings import VariableSettings


class ApiSettings(VariableSettings):
    """Limits of answers."""

    legal = {  # noqa: RUF012
        "answer_seconds": "a number of seconds above 0, to an hour",
        "answer_rows": "a whole number of rows, 1 or more",
        "answer_threads": "a whole number, 1 to 256",
        "answer_cache_bytes": "a whole number of bytes, 0 or more",
    }

    answer_seconds: float = Field(30, gt=0, le=3600, description="how long an answer may take before it is given up")
    answer_rows: int = Field(100_000, ge=1, description="how many rows an answer to a question may have")
    answer_threads: int = Field(8, ge=1, le=256, description="how many answers are worked out at the same time")
    answer_cache_bytes: int = Field(64 * 2**20, ge=0, description="how much of the answers given is kept to give again")


class PublishSettings(VariableSettings):
    """What readers see of persons."""

    legal = {"pseudonymous_ids": "true or false"}  # noqa: RUF012

    pseudonymous_ids: bool = Field(
        False, description="whether ids of persons, devices and accounts are published as keyed pseudonyms"
    )
