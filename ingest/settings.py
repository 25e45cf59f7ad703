"""What a load may be told by the environment (prefix FOOTFALL_)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LoadSettings(BaseSettings):
    """Limits of a load; each is overridden by FOOTFALL_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_")

    max_future_hours: float = Field(24.0, ge=0, description="how far past its receipt an event may lie, in hours")
    max_line_bytes: int = Field(32 * 2**20, ge=1024, description="the longest NDJSON line or CSV record that lands")
    load_memory_limit: str = Field("2GB", description="DuckDB memory limit of a load; beyond it the load spills")
    key_sample_lines: int | None = Field(
        None,
        ge=1,
        description="how far into an NDJSON file to look for keys that the envelope does not have; a key that first "
        "appears later is left out, so only set it for files whose lines all have the same keys",
    )
