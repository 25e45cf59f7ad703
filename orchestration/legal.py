"""Which values of the settings that say what the numbers mean are legal: a slip is an error, never a silent default."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ingest.values import ZONE_NAMES

CHOICES: dict[str, tuple[str | bool, ...]] = {
    "week_start": ("monday", "sunday"),
    "identity_rule": ("first", "last"),
    "person_scope": ("shared", "app"),
    "trust_client_sessions": (True, False),
    "client_session_scope": ("app", "device"),
    "allow_pii": (True, False),
    "count_bots": (True, False),
    "missing_rate": ("fault", "stop"),
    "acquisition_model": (
        "first_touch",
        "last_touch",
        "last_non_direct",
        "linear",
        "position_based",
        "time_decay",
    ),
}
SEGMENT_DAYS = (
    "segment_new_days",
    "segment_power_window_days",
    "segment_power_days",
    "segment_active_days",
    "segment_at_risk_days",
)
WHOLE_NUMBERS = (
    "lost_after_days",
    "signup_payment_days",
    "ltv_horizon_days",
    "survey_response_days",
    "charging_settle_days",
    "audience_regular_days",
    "audience_loyal_days",
    "mau_days",
    "max_rate_age_days",
)
NUMBERS = ("session_timeout_seconds", "bounce_max_seconds", "gross_margin", "session_max_hours")
SHARES = ("max_conflicting_share", "max_unplanned_share")
CHECKED = (
    *CHOICES,
    *WHOLE_NUMBERS,
    *NUMBERS,
    *SHARES,
    *SEGMENT_DAYS,
    "reporting_currency",
    "reporting_timezone",
    "page_parameters",
)


def refusal(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which setting is not legal beside the others, and a sentence that says why; None where all are legal.

    Args:
        values: of every setting in CHECKED.
    """
    for name in CHECKED:
        if fault := _fault(name, values):
            return name, f"Setting '{name}' is '{values[name]}'; {fault}."
    return None


def refusal_of(values: str) -> str:
    """Return what `refusal` says of values as JSON, with the mend, or "": the SQL function that a build asks first."""
    refused = refusal(json.loads(values))
    if refused is None:
        return ""
    name, why = refused
    return f"{why} Change it by `footfall config set`, in dbt_project.yml or in FOOTFALL_{name.upper()}."


def _fault(name: str, values: Mapping[str, Any]) -> str | None:
    value = values[name]
    if name in CHOICES:
        is_legal = any(value == choice and isinstance(value, type(choice)) for choice in CHOICES[name])
        return None if is_legal else f"legal values are {', '.join(map(str, CHOICES[name]))}"
    if name in WHOLE_NUMBERS and not _is_whole(value):
        return "it must be a whole number above 0"
    if name in SEGMENT_DAYS and not _is_whole(value):
        return "it must be a whole number of days above 0"
    may_be_left_out = name == "session_max_hours" and value is None
    if name in NUMBERS and not may_be_left_out and not (_is_number(value) and value > 0):
        return "it must be a number above 0"
    if name in SHARES and not (_is_number(value) and 0 <= value <= 1):
        return "it must be a number from 0 to 1"
    if name == "reporting_currency" and not re.fullmatch("[A-Z]{3}", str(value)):
        return "it must be a code of ISO 4217 in capitals, such as EUR"
    if name == "reporting_timezone" and str(value).lower() not in {zone.lower() for zone in ZONE_NAMES}:
        return "it must be a time zone of IANA, such as Europe/Berlin"
    if name == "page_parameters" and value is not None and not re.fullmatch(r"[\w.-]+( *, *[\w.-]+)*", str(value)):
        return "it must be names of parameters parted by commas, such as id,article"
    return _contradiction(name, values)


def _contradiction(name: str, values: Mapping[str, Any]) -> str | None:
    """What a threshold says against one before it: there would be a kind that nobody can be of."""
    if name == "audience_loyal_days" and values[name] <= values["audience_regular_days"]:
        return "it must be above 'audience_regular_days'"
    if name == "segment_power_days" and values[name] > (days := values["segment_power_window_days"]):
        return f"nobody is active on more days than segment_power_window_days has, {days}"
    if name == "segment_at_risk_days" and values[name] <= values["segment_active_days"]:
        return f"it must be above segment_active_days, {values['segment_active_days']}"
    return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
