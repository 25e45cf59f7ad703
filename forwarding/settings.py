"""What forwarding may be told by the environment (prefix FOOTFALL_)."""

from __future__ import annotations

from pydantic import Field

from ingest.settings import VariableSettings

_SECONDS = "a number of seconds above 0, to a day"
_SWITCH = "true or false"
_NAMES = "names parted by commas"
DAY = 86_400
# what is secret is said by the environment alone and kept in no home
SECRETS = ("amplitude_api_key", "mixpanel_token", "segment_write_key", "webhook_secret")


class ForwardingSettings(VariableSettings):
    """Where events are sent on to, and which."""

    legal = {  # noqa: RUF012
        **dict.fromkeys(SECRETS, "a text"),
        **dict.fromkeys(("amplitude_url", "mixpanel_url", "segment_url"), "an address, http:// or https://"),
        "webhook_urls": "addresses, http:// or https://, parted by commas",
        "forward_apps": _NAMES,
        "forward_events": _NAMES,
        "forward_back": _SWITCH,
        "forward_timeout_seconds": _SECONDS,
        "forward_patience_seconds": _SECONDS,
        "sandbox_mode": _SWITCH,
        "data_retention_days": "a whole number of days, 1 or more",
    }

    amplitude_api_key: str = Field("", description="the key of the project in Amplitude that events are sent on to")
    amplitude_url: str = Field(
        "https://api2.amplitude.com/2/httpapi", pattern="^https?://", description="where Amplitude takes events"
    )
    mixpanel_token: str = Field("", description="the token of the project in Mixpanel that events are sent on to")
    mixpanel_url: str = Field(
        "https://api.mixpanel.com/import", pattern="^https?://", description="where Mixpanel takes events"
    )
    segment_write_key: str = Field("", description="the write key that events are sent on with by Segment's protocol")
    segment_url: str = Field(
        "https://api.segment.io/v1/batch", pattern="^https?://", description="where Segment's protocol is spoken"
    )
    webhook_urls: str = Field(
        "",
        pattern=r"^(\s*https?://[^\s,]+\s*(,|$))*$",
        description="addresses, with commas, to which events are posted as JSON, signed with the secret",
    )
    webhook_secret: str = Field("", description="what signs the bodies that are posted to addresses of one's own")
    forward_apps: str = Field("", description="apps, with commas, whose events are sent on; all when nothing is said")
    forward_events: str = Field("", description="names, with commas, of events that are sent on; all when none is said")
    forward_back: bool = Field(
        False, description="whether a product is also sent what came in by its own protocol or from its own export"
    )
    forward_timeout_seconds: float = Field(30, gt=0, le=DAY, description="how long an answer is waited for")
    forward_patience_seconds: float = Field(
        120, gt=0, le=DAY, description="how long one batch is tried again before it is left to the next run"
    )
    sandbox_mode: bool = Field(False, description="whether what would be sent on is only logged")
    data_retention_days: int | None = Field(
        None,
        ge=1,
        description="how many days old an event may be that is sent on, and that `footfall retention` leaves; any age "
        "when nothing is said",
    )
