"""The only door from a received event to a stored one: what is personal goes no further, files and requests alike."""

from functools import lru_cache
from pathlib import Path

from ingest.privacy.cleaning import Cleaner
from ingest.privacy.columns import (
    UNWANTED,
    fields,
    filtered,
    install,
    install_for_refused,
    install_lists,
    without_personal,
)
from ingest.privacy.consent import OPTED_OUT, Consent, heeded
from ingest.privacy.consent import install as install_consent
from ingest.privacy.policy import Policies
from ingest.privacy.suppression import SUPPRESSED, Unwanted
from ingest.settings import LoadSettings

__all__ = [
    "OPTED_OUT",
    "SUPPRESSED",
    "UNWANTED",
    "Cleaner",
    "Consent",
    "Policies",
    "Unwanted",
    "cleaner",
    "fields",
    "filtered",
    "heeded",
    "install",
    "install_consent",
    "install_for_refused",
    "install_lists",
    "without_personal",
]


def cleaner(home: Path) -> Cleaner:
    """What may be stored in a home, by its settings."""
    settings = LoadSettings()  # type: ignore[call-arg]
    return _cleaner(home, settings.privacy_policies or "", settings.enable_pii_tracking, settings.consent_categories)


@lru_cache(maxsize=16)
def _cleaner(home: Path, policies: str, enabled: bool, categories: str) -> Cleaner:
    return Cleaner(home, Policies.read(policies, enabled), heard=Consent(categories).names)
