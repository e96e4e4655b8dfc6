"""Settings, read from the environment once."""

from functools import lru_cache
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEV_SECRET = "development-only-secret-never-use-it-to-serve"  # noqa: S105 - `serve` refuses it


RateLimit = Annotated[int, Field(ge=0, le=1_000_000)]


def _networks(value: str) -> str:
    for network in filter(None, value.split(",")):
        ip_network(network.strip())
    return value


class Settings(BaseSettings):
    """Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(default=None, description="Requests: the role liangshan_app.")
    database_owner_url: SecretStr | None = Field(default=None, description="Migrations: liangshan_owner.")
    database_worker_url: SecretStr | None = Field(default=None, description="Jobs and administration.")
    database_admin_url: SecretStr | None = Field(default=None, description="Bootstrap of roles, tests.")
    secret_key: SecretStr = Field(default=SecretStr(DEV_SECRET), min_length=32)
    public_url: str = Field(default="http://127.0.0.1:8000", max_length=200)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    log_level: str = "INFO"
    password_grant: bool = Field(default=True, description="First-party login by password may be switched off.")
    access_token_seconds: Annotated[int, Field(ge=60, le=3600)] = 900
    refresh_token_days: Annotated[int, Field(ge=1, le=90)] = 14
    pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    max_body_bytes: Annotated[int, Field(ge=1024)] = 8 * 1024 * 1024
    # Requests that are taken in `rate_limit_seconds`, of each person and client, and of each address; 0 counts nothing.
    rate_limit_reads: RateLimit = 1200
    rate_limit_writes: RateLimit = 300
    rate_limit_pushes: RateLimit = 60
    rate_limit_token: RateLimit = Field(default=300, description="By address: logging in, and asking about tokens.")
    rate_limit_anonymous: RateLimit = Field(default=600, description="By address: without a token that verifies.")
    rate_limit_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    stream_seconds: Annotated[int, Field(ge=1, le=3_600)] = Field(
        default=600, description="How long one stream may be."
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        default="", description="Networks, by commas, whose X-Forwarded-For tells the caller's address."
    )
    webhook_receivers: str = Field(
        default="", description="Who may be sent webhooks, by comma: hosts, *.suffixes, networks. Empty: nobody."
    )
    webhook_ports: str = Field(default="443,8443", description="Ports of receivers, by comma.")
    webhook_http: bool = Field(default=False, description="Whether a receiver may do without TLS.")
    webhook_ca_file: str | None = Field(default=None, description="Certificates that receivers' are checked with.")
    database_networks: str = Field(
        default="",
        description="Networks of the database, by comma, where no webhook goes. Empty: what is around its address.",
    )

    @property
    def has_dev_secret(self) -> bool:
        return self.secret_key.get_secret_value() == DEV_SECRET

    @property
    def app_url(self) -> str:
        return _async_url(self.database_url, "DATABASE_URL")

    @property
    def owner_url(self) -> str:
        return _async_url(self.database_owner_url, "DATABASE_OWNER_URL")

    @property
    def worker_url(self) -> str:
        return _async_url(self.database_worker_url, "DATABASE_WORKER_URL")

    @property
    def admin_url(self) -> str:
        return _async_url(self.database_admin_url, "DATABASE_ADMIN_URL")


class SettingMissingError(Exception):
    """A command needs a setting that the environment does not give."""


def _async_url(url: SecretStr | None, name: str) -> str:
    """The URL for asyncpg: a bare `postgresql://` would mean another driver to SQLAlchemy 2.1."""
    if url is None:
        raise SettingMissingError(f"{name} is not set")
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise SettingMissingError(f"{name} is not a postgresql:// address")
    return f"postgresql+asyncpg://{rest}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings()
