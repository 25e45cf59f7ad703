"""What the collector may be told by the environment (prefix FOOTFALL_)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CollectorSettings(BaseSettings):
    """Limits of the collector; each is overridden by FOOTFALL_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_", env_ignore_empty=True, extra="ignore")

    batch_size: int = Field(100, ge=1, description="how many received events are landed without waiting longer")
    flush_interval_seconds: float = Field(30, gt=0, description="how long received events wait for others at the most")
    max_body_bytes: int = Field(10 * 2**20, ge=1024, description="the largest body, compressed and decompressed")
    max_waiting_bytes: int = Field(
        64 * 2**20, ge=2**20, description="how much may wait for the disk before senders wait"
    )
    body_timeout_seconds: float = Field(20, gt=0, description="how long a sender may take to send a body")
    allowed_hosts: str = Field("", description="names, with commas, by which the server may be called beside loopback")
