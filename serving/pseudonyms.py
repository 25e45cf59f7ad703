"""Ids of persons in what is published, replaced by keyed pseudonyms: the same one everywhere while the key is the same.

A pseudonym is HMAC-SHA256 of the id, so rows of two marts, or of two publications, still meet by it, and who has the
key alone can tell whose it is. The home itself keeps the ids: builds, erasures and disclosures work on them.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Collection
from pathlib import Path

import duckdb

from ingest.envelope import literal, quoted
from ingest.privacy.key import Key
from ingest.settings import LoadSettings, names_in
from ingest.values import install_macros
from serving.settings import PublishSettings

# by which a publication's catalog says with which key its ids were replaced
INPUT = "pseudonyms"
PURPOSE = "ids in what is published"
BLOCK = 64
DIGITS = 32

# columns that hold ids of persons, and of what tells of one: devices, accounts, their sessions
IDS = (
    "person_id",
    "user_id",
    "anonymous_id",
    "account_id",
    "customer_id",
    "creator_id",
    "unit_id",
    "session_id",
    "client_session_id",
)
IDS_OF_RELATIONS = {"int_identities": ("id",)}
# numbers made of an id, or of a row with its ids, without a key: whoever guesses the id could make them
KEYS = ("stream_id", "identity_key", "person_key", "content_hash", "written_hash", "active_hash", "fingerprint")
LISTS_OF_KEYS = ("identity_keys",)
# JSON that senders fill, and values told beside the name of their property
OBJECTS = ("properties", "context_other")
BESIDE_A_PROPERTY = ("value", "example_value")
# ids of things, which stay as they are
OF_THINGS = (
    "answer_id",
    "batch_id",
    "charging_session_id",
    "charging_session_key",
    "click_id",
    "content_id",
    "event_id",
    "example_event_id",
    "location_id",
    "order_id",
    "payment_id",
    "plan_id",
    "product_id",
    "refunded_payment_id",
    "station_id",
    "subscription_id",
    "top_content_id",
)

# names of properties that hold ids of persons, whatever stands before: userId, $previous_id, content.author-id
_WHO = (
    "account|actor|alias|anonymous|assignee|author|buyer|client|contact|creator|customer|device|distinct|driver|"
    "employee|followed|followee|follower|group|guest|identity|invitee|inviter|lead|member|owner|patient|people|person|"
    "previous|profile|reader|recipient|referee|referrer|seller|sender|student|subscriber|teacher|user|visitor|writer"
)
NAME = rf'(?:[^"\\]*(?:{_WHO})s?[_ .-]?ids?|alias|uid)'
_TEXT = r'"(?:[^"\\]|\\.)*"'
_ONE = rf"(?:{_TEXT}|-?\d[\d.eE+-]*)"
_NAMED = re.compile(rf'("{NAME}"\s*:\s*)({_ONE}|\[\s*(?:{_ONE}(?:\s*,\s*{_ONE})*\s*)?\])', re.IGNORECASE)
_EACH = re.compile(_ONE)
_IN_OBJECT = f'(?i)"{NAME}"'
_IS_NAME = f"(?i)^{NAME}$"


class Pseudonyms:
    """The pseudonyms of one home.

    Raises:
        ingest.privacy.key.KeyIsMissing: when the home has a key that is not where it was.
    """

    def __init__(self, home: Path) -> None:
        # a key of its own, so that what is asked here tells nothing of what is hashed elsewhere
        self._key = Key(home).digest(PURPOSE)
        listed = {text.lower() for text in names_in(LoadSettings().id_sentinels)}  # type: ignore[call-arg]
        self._nobody = {"", *listed, *(f"{text}.0" for text in listed if text.lstrip("-").isdigit())}

    def of(self, id_: str) -> str:
        """The pseudonym of an id."""
        return hmac.digest(self._key, id_.encode("utf-8", "surrogatepass"), "sha256").hex()[:DIGITS]

    @property
    def name(self) -> str:
        """What tells this key from another, and nothing about it."""
        return self.of("the name of this key")

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection use `pseudonym(id)`, `keyed(number)` and what else `shown` names.

        The key stands in variables, because DuckDB's messages of errors repeat what a statement says.
        """
        install_macros(connection)
        padded = self._key.ljust(BLOCK, b"\0")
        for variable, mask in (("pseudonym_inner", 0x36), ("pseudonym_outer", 0x5C)):
            connection.execute(f"set variable {variable} = $1", [bytes(byte ^ mask for byte in padded)])
        connection.execute(f"""
            create or replace temp macro hmac_of(said) as sha256(
                getvariable('pseudonym_outer') || unhex(sha256(getvariable('pseudonym_inner') || encode(said)))
            );
            create or replace temp macro pseudonym(id) as left(hmac_of(id), {DIGITS});
            create or replace temp macro keyed(number) as cast('0x' || left(hmac_of('key ' || number), 16) as ubigint);
        """)
        connection.create_function("in_object", self.in_object, ["VARCHAR"], "VARCHAR")
        connection.create_function("of_a_property", self.of_a_value, ["VARCHAR"], "VARCHAR")

    def in_object(self, text: str) -> str:
        """A JSON object with pseudonyms under the names that say whose id they are; all else stays as it is written."""
        return _NAMED.sub(lambda found: found[1] + _EACH.sub(self._replaced, found[2]), text)

    def _replaced(self, found: re.Match[str]) -> str:
        said = json.loads(found[0]) if found[0][0] == '"' else found[0]
        now = self.of_a_value(said)
        return found[0] if now == said else f'"{now}"'

    def of_a_value(self, value: str) -> str:
        """The pseudonym of an id that a property says; what stands for none stays."""
        plain = value.strip()
        return value if plain.lower() in self._nobody else self.of(plain)

    def shown(self, source: str, name: str, columns: Collection[str]) -> str:
        """What is published of a relation: its rows, and nothing by which an id can be known.

        Args:
            source: what to select from.
            name: of the relation.
            columns: the names of its columns.
        """
        ids = {*IDS, *IDS_OF_RELATIONS.get(name, ())}
        replaced = {column: f"pseudonym({quoted(column)})" for column in columns if column in ids}
        replaced |= {column: f"keyed({column})" for column in columns if column in KEYS}
        for column in set(columns) & set(LISTS_OF_KEYS):
            replaced[column] = f"list_transform({column}, lambda each: keyed(each))"
        for column in set(columns) & set(OBJECTS):
            is_told = f"regexp_matches({column}, {literal(_IN_OBJECT)})"
            replaced[column] = f"case when {is_told} then in_object({column}) else {column} end"
        if "property" in columns:
            for column in set(columns) & set(BESIDE_A_PROPERTY):
                is_told = f"{column} is not null and regexp_matches(property, {literal(_IS_NAME)})"
                replaced[column] = f"case when {is_told} then of_a_property({column}) else {column} end"
        if not replaced:
            return source
        listed = ", ".join(f"{sql} as {quoted(column)}" for column, sql in replaced.items())
        return f"(select * replace ({listed}) from {source})"  # noqa: S608


def pseudonyms(home: Path) -> Pseudonyms | None:
    """The pseudonyms by which a home is published, or None where its readers see the ids."""
    return Pseudonyms(home) if PublishSettings().pseudonymous_ids else None  # type: ignore[call-arg]


def as_input(hidden: Pseudonyms | None) -> dict[str, str]:
    """What the inputs of a publication say of its pseudonyms; nothing where readers see the ids."""
    return {INPUT: hidden.name} if hidden else {}
