"""Configuration from the environment (prefix ``CUOFENG_``); read once, in a composition root."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All settings. Unset database or broker: the embedded ones (see ``service.embedded``)."""

    model_config = SettingsConfigDict(env_prefix="CUOFENG_", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(None, description="postgresql://… ; unset: the embedded PostgreSQL")
    kafka_bootstrap: str | None = Field(None, description="host:port[,host:port]; unset: the embedded broker")
    kafka_topic: str = Field("load.readings.v1", description="topic of the readings")
    kafka_dlq_topic: str = Field("load.readings.v1.dlq", description="topic of the dead letters")
    kafka_group: str = Field("cuofeng", description="consumer group")
    zone: str = Field("Asia/Shanghai", description="zone of local days and daily windows")
    slot_s: int = Field(900, description="width of a slot in seconds: 60, 300 or 900")
    batch_records: int = Field(80_000, description="records of one partition in one transaction, at most")
    session_timeout_s: float = Field(
        10.0, description="Kafka session time-out: how long a dead member keeps its partitions"
    )
    horizon_days: int = Field(45, description="readings later than this after their time are kept in quarantine")
    future_skew_s: int = Field(300, description="a reading may be this far ahead of its record's timestamp")
    quarantine_days: int = Field(7, description="after this a quarantined row becomes a dead letter")
    quarantine_cap: int = Field(
        1_000_000, description="rows in quarantine per source; more go to the dead-letter topic"
    )
    keep_readings_months: int = Field(
        25, ge=0, description="`maintain` puts readings away that are more months old; 0: never"
    )
    keep_days_months: int = Field(
        0, ge=0, description="the same for judged days, the curves and verdicts of the scopes; 0: never"
    )
    coalesce_s: float = Field(1.5, description="how long a dirty scope waits while there is lag")
    key_pepper: SecretStr = Field(
        SecretStr("cuofeng-development-pepper"), description="HMAC pepper of API keys and cursors"
    )
    host: str = Field("127.0.0.1", description="address that `serve` listens on")
    port: int = Field(8080, description="port that `serve` listens on")
    demo: bool = Field(False, description="marks the page 演示数据: what it shows is demonstration data")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone") from error
        return value

    @field_validator("slot_s")
    @classmethod
    def _slot_width(cls, value: int) -> int:
        if value not in (60, 300, 900):
            raise ValueError("slot_s must be 60, 300 or 900")
        return value
