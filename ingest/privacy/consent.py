# ruff: noqa: S608 (columns of the draft are named, and literals quoted)
"""Who does not want to be counted: an event that says so is refused and counted, and nothing of it is stored."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import duckdb

from ingest.envelope import literal
from ingest.privacy.names import plain
from ingest.settings import names_in

# what an event is refused for, in place of what else may be wrong with it
OPTED_OUT = "opted_out"
OPT_OUTS = ("opt_out", "optOut", "opted_out", "optedOut", "$opt_out")
# Google's consent mode as its parameters write it, and as the export to BigQuery does
STATE, DEFAULTS, EXPORTED = "gcs", "gcd", "privacy_info"
# in the order of `gcd`; `gcs` holds the first two
GOOGLE = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
_DENIED_LETTERS = "pqmu"
# of all that an event says these are asked, and within `consent` what Segment's SDKs send there
MEMBERS = (*OPT_OUTS, "consent", STATE, DEFAULTS, EXPORTED)
PREFERENCES = "categoryPreferences"
_SPEAKS = '"(' + "|".join(map(re.escape, MEMBERS)) + ')"'
# a single letter is how databases export a boolean
_YES = ("true", "t", "yes", "y", "1", "on")
_NO = ("false", "f", "no", "n", "0", "off", "none", "denied", "deny", "declined", "refused", "rejected", "revoked",
       "withdrawn", "opted_out", "opt_out", "optout")  # fmt: skip


class Consent:
    """What counts as a refusal, by the categories of consent that speak of analytics.

    Args:
        categories: names parted by commas; case and what is no letter or digit make no difference.
    """

    def __init__(self, categories: str) -> None:
        self._categories = frozenset(map(plain, names_in(categories)))

    @property
    def names(self) -> frozenset[str]:
        """The plain names of all members in which a refusal is looked for."""
        return self._categories.union(map(plain, (*MEMBERS, PREFERENCES)))

    def is_refused(self, text: str) -> bool:
        """Whether JSON of an object says that somebody refused; what says nothing is no no."""
        return self._refuses(_object(text))

    def _refuses(self, told: dict[str, Any]) -> bool:
        if any(_word(told.get(name)) in _YES for name in OPT_OUTS) or _word(told.get("consent")) in _NO:
            return True
        by_name = _denied(told.get(STATE), told.get(DEFAULTS))
        consent = _object(told.get("consent"))
        for listed in (consent, _object(consent.get(PREFERENCES)), _object(told.get(EXPORTED))):
            by_name += [name for name, said in listed.items() if _word(said) in _NO]
        return any(plain(name) in self._categories for name in by_name)


def install(connection: duckdb.DuckDBPyConnection, consent: Consent) -> None:
    """Make the function that `refusal` calls."""
    connection.create_function("private_is_refused", consent.is_refused, ["VARCHAR"], "BOOLEAN")


def refusal(told: str) -> str:
    """The SQL of OPTED_OUT where an object of JSON, given as SQL, says that its sender refused; else of null."""
    told = f"({told})::varchar"
    # DuckDB reads more than Python does: what else the object holds must not hide what it says of consent
    paths = {name: literal(f'$."{name}"') for name in MEMBERS}
    members = ", ".join(f"{literal(name)}, json_extract({told}, {path})" for name, path in paths.items())
    return f"""case when regexp_matches({told}, {literal(_SPEAKS)}) then case when json_valid({told}) then
        case when private_is_refused(json_object({members})::varchar) then '{OPTED_OUT}' end end end"""


def heeded(draft: str) -> str:
    """The SQL of a draft in which the events of those who refused are none, for the reason OPTED_OUT."""
    return f"""
        select * replace (
            coalesce({refusal("properties")}, {refusal("context_other")}, problem) as problem
        ) from ({draft})"""


def _denied(state: Any, defaults: Any) -> list[str]:
    """What `gcs` and `gcd` deny: a 0 among the digits of `G100`, a `p`, `q`, `m` or `u` among the letters."""
    told = re.fullmatch(r"G1([01-])([01-])\d?", str(state))
    letters = re.findall(r"[a-z]", defaults) if re.fullmatch(r"1\d([a-z]\d)+[a-z]?\d*", str(defaults)) else []
    denied = [name for name, digit in zip(GOOGLE, told.groups() if told else (), strict=False) if digit == "0"]
    return denied + [name for name, letter in zip(GOOGLE, letters, strict=False) if letter in _DENIED_LETTERS]


def _object(told: Any) -> dict[str, Any]:
    """An object, which a cell of CSV holds as text; what is none is an empty one."""
    if isinstance(told, str) and told.lstrip()[:1] == "{":
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(told)
    return told if isinstance(told, dict) else {}


def _word(said: Any) -> str:
    """A flag as a word, which JSON writes as one, as a text or as a number, and a table with blanks as a float."""
    return str(said).strip().lower().removesuffix(".0") if isinstance(said, bool | int | float | str) else ""
