"""What the collector may be told by the environment (prefix FOOTFALL_)."""

from __future__ import annotations

from pydantic import Field

from ingest.settings import VariableSettings, names_in

_SECONDS = "a number of seconds above 0, to a day"
DAY = 86_400
# the names by which a machine calls itself, and the addresses by which it is its own client
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1", "testserver")
OWN_ADDRESSES = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "testclient")


class CollectorSettings(VariableSettings):
    """Limits of the collector."""

    legal = {  # noqa: RUF012
        "batch_size": "a whole number of events, 1 or more",
        "flush_interval_seconds": _SECONDS,
        "max_body_bytes": "a whole number of bytes, 1024 or more",
        "max_waiting_bytes": "a whole number of bytes, 1048576 or more",
        "body_timeout_seconds": _SECONDS,
        "allowed_hosts": "names of hosts parted by commas",
        "snowplow_paths": "paths parted by commas, each beginning with /",
    }

    batch_size: int = Field(100, ge=1, description="how many received events are landed without waiting longer")
    flush_interval_seconds: float = Field(
        30, gt=0, le=DAY, description="how long received events wait for others at the most"
    )
    max_body_bytes: int = Field(10 * 2**20, ge=1024, description="the largest body, compressed and decompressed")
    max_waiting_bytes: int = Field(
        64 * 2**20, ge=2**20, description="how much may wait for the disk before senders wait"
    )
    body_timeout_seconds: float = Field(20, gt=0, le=DAY, description="how long a sender may take to send a body")
    snowplow_paths: str = Field(
        "",
        pattern=r"^(\s*/[\w./-]+\s*(,|$))*$",
        description="paths, with commas, to which Snowplow trackers are told to post",
    )
    allowed_hosts: str = Field("", description="names, with commas, by which the server may be called beside loopback")

    @property
    def hosts(self) -> list[str]:
        """The names by which the server may be called."""
        return [*LOOPBACK, *names_in(self.allowed_hosts)]


def is_here(client: tuple[str, int] | None) -> bool:
    """Whether who asks is on this machine."""
    return client is not None and client[0] in OWN_ADDRESSES
