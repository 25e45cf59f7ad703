"""What a load may be told by the environment (prefix FOOTFALL_), and how a setting is read there."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.countries import open_database

REPOSITORY = Path(__file__).resolve().parents[1]
# what a load of one event needs on two cores, and some more: below it DuckDB fails where it should spill
LEAST_MEMORY_MB = 200
_MEGABYTES = {"K": 0.001, "M": 1, "G": 1_000, "T": 1_000_000}
LEGAL = {
    "max_future_hours": "a number of hours from 0 to 1000000",
    "max_line_bytes": "a whole number of bytes, 1024 or more",
    "load_memory_limit": f"an amount of memory of {LEAST_MEMORY_MB}MB or more, such as 800MB or 2GB",
    "key_sample_lines": "a whole number of lines, 1 or more",
    "id_sentinels": "texts parted by commas, such as null,none,-1",
    "plan_violations": "keep or quarantine",
    "country_database": "the path of an mmdb file that tells the country of an address",
    "enable_pii_tracking": "true or false",
    "consent_categories": "names of categories parted by commas, such as analytics,statistics",
    "privacy_policies": "fields or kinds and what becomes of each: email=hash, shop:comment=keep (docs/privacy.md)",
}
ID_SENTINELS = (
    "null,none,nil,undefined,nan,n/a,(none),(not set),unknown,anonymous,guest,false,[object Object],-1,{},[],"
    "00000000-0000-0000-0000-000000000000"
)

# of consent banners, of Google's consent mode, and how OneTrust calls them
CONSENT_CATEGORIES = "analytics,analytics_storage,statistics,performance,measurement,C0002"


def names_in(listed: str) -> list[str]:
    """The names of a text that parts them by commas."""
    return [name for part in listed.split(",") if (name := part.strip())]


def project_folder() -> Path:
    """The folder of the dbt project whose models read what lands: FOOTFALL_PROJECT_DIR, else the repository."""
    return Path(os.environ.get("FOOTFALL_PROJECT_DIR") or REPOSITORY).expanduser()


def as_value(text: str) -> bool | int | float | str | None:
    """Return what the text of a setting says, as the macro `setting` of the dbt project reads it."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() in ("null", "none"):
        return None
    if text.replace(".", "", 1).isdigit():
        return float(text) if "." in text else int(text)
    return text


class IllegalSetting(Exception):
    """A variable of the environment says what no load can follow."""


class VariableSettings(BaseSettings):
    """Settings of which each is overridden by FOOTFALL_<NAME>; `legal` says in words what each may be.

    Raises:
        IllegalSetting: naming the variable, what it says and what is legal.
    """

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_", env_ignore_empty=True, extra="ignore")
    legal: ClassVar[Mapping[str, str]]

    @model_validator(mode="wrap")
    @classmethod
    def _names_the_variable(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            fault = error.errors()[0]
            name = str(fault["loc"][0])
            raise IllegalSetting(
                f"FOOTFALL_{name.upper()} is {str(fault['input'])!r}; legal is {cls.legal[name]}. Change or unset it."
            ) from None


class LoadSettings(VariableSettings):
    """Limits of a load."""

    legal = LEGAL

    # a century, because DuckDB counts microseconds in 64 bits
    max_future_hours: float = Field(
        24.0, ge=0, le=1_000_000, description="how far past its receipt an event may lie, in hours"
    )
    max_line_bytes: int = Field(32 * 2**20, ge=1024, description="the longest NDJSON line or CSV record that lands")
    load_memory_limit: str = Field("2GB", description="DuckDB memory limit of a load; beyond it the load spills")
    key_sample_lines: int | None = Field(
        None,
        ge=1,
        description="how far into an NDJSON file to look for keys that the envelope does not have; a key that first "
        "appears later is left out, so only set it for files whose lines all have the same keys",
    )

    id_sentinels: str = Field(
        ID_SENTINELS, description="what stands for no id in any field or property that holds one, in any case"
    )
    plan_violations: Literal["keep", "quarantine"] = Field(
        "keep", description="what becomes of events that break the tracking plan: either way they are told"
    )
    country_database: str | None = Field(
        None, description="an mmdb file that tells the country of an address, for events that name none"
    )
    enable_pii_tracking: bool = Field(False, description="whether personal data land that no policy speaks of")
    privacy_policies: str | None = Field(
        None, description="what becomes of personal data, drop, hash or keep, by kind or field, and by app"
    )

    consent_categories: str = Field(
        CONSENT_CATEGORIES, description="categories of consent that speak of analytics: who refuses one is not stored"
    )

    @field_validator("consent_categories")
    @classmethod
    def _are_names(cls, listed: str) -> str:
        if not all(re.search(r"[A-Za-z0-9]", name) for name in listed.split(",")):
            raise ValueError("a name is blank")
        return listed

    @field_validator("privacy_policies")
    @classmethod
    def _are_policies(cls, told: str | None) -> str | None:
        from ingest.privacy.policy import Policies

        Policies.read(told or "")
        return told

    @field_validator("load_memory_limit")
    @classmethod
    def _is_an_amount(cls, limit: str) -> str:
        amount = re.fullmatch(r"\s*(\d{1,9}(?:\.\d+)?)\s*([KMGT])i?B\s*", limit, re.IGNORECASE)
        if not amount or float(amount[1]) * _MEGABYTES[amount[2].upper()] < LEAST_MEMORY_MB:
            raise ValueError("no amount of memory that a load can do with")
        return limit

    @field_validator("country_database")
    @classmethod
    def _can_be_opened(cls, path: str | None) -> str | None:
        if path is not None:
            open_database(path).close()
        return path

    @field_validator("id_sentinels")
    @classmethod
    def _are_texts(cls, listed: str) -> str:
        if not all(text.strip() for text in listed.split(",")):
            raise ValueError("a text is blank")
        return listed
