"""API keys: 256 random bits, kept as HMAC-SHA-256 under a pepper that is not in the database (RELIABILITY §4)."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError

_FORM = re.compile(r"cuo_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class AccessRole(StrEnum):
    """Who calls (RELIABILITY §4)."""

    INGEST = "ingest"
    CITY = "city"
    COUNTY = "county"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Identity:
    """The holder of a valid key. ``county`` is set for the role ``county`` only, and then bounds every row."""

    key_id: str
    name: str
    role: AccessRole
    county: str | None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the list shows it; the key itself is stored nowhere."""

    key_id: str
    name: str
    role: str
    county: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def has_key_form(key: str) -> bool:
    """Whether a text could be a key at all: junk is refused before the database is asked."""
    return _FORM.fullmatch(key) is not None


def digest_of(key: str, pepper: str) -> bytes:
    """What is stored of a key: HMAC-SHA-256 under the pepper, 32 bytes."""
    return hmac.digest(pepper.encode(), key.encode(), hashlib.sha256)


async def create_key(
    connection: AsyncConnection,
    *,
    role: AccessRole,
    name: str,
    pepper: str,
    county: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a key and return it; only its digest is written. The caller commits.

    Raises:
        InputError: a county role without a county, or another role with one.
    """
    if (role is AccessRole.COUNTY) != (county is not None):
        raise InputError("--county belongs to the role county, and that role needs it")
    key_id = secrets.token_hex(6)
    key = f"cuo_{key_id}_{secrets.token_urlsafe(32)}"
    await connection.execute(
        text(
            "INSERT INTO api_keys (key_id, name, role, county, digest, expires_at)"
            " VALUES (:key_id, :name, :role, :county, :digest, :expires_at)"
        ),
        {
            "key_id": key_id,
            "name": name,
            "role": role.value,
            "county": county,
            "digest": digest_of(key, pepper),
            "expires_at": expires_at,
        },
    )
    return key


async def find_identity(connection: AsyncConnection, digest: bytes) -> Identity | None:
    """The holder of the key with this digest; None when there is none, or it has expired or was revoked."""
    row = (
        await connection.execute(
            text(
                "SELECT key_id, name, role, county FROM api_keys WHERE digest = :digest AND revoked_at IS NULL"
                " AND (expires_at IS NULL OR expires_at > now())"
            ),
            {"digest": digest},
        )
    ).one_or_none()
    return None if row is None else Identity(row.key_id, row.name, AccessRole(row.role), row.county)


async def list_keys(connection: AsyncConnection) -> Sequence[StoredKey]:
    """All keys, the oldest first."""
    rows = await connection.execute(
        text(
            "SELECT key_id, name, role, county, created_at, expires_at, revoked_at FROM api_keys"
            " ORDER BY created_at, key_id"
        )
    )
    return [StoredKey(*row) for row in rows]


async def revoke_key(connection: AsyncConnection, key_id: str) -> bool:
    """End a key; False when there is no active one of this id. The caller commits."""
    revoked = await connection.scalar(
        text("UPDATE api_keys SET revoked_at = now() WHERE key_id = :id AND revoked_at IS NULL RETURNING key_id"),
        {"id": key_id},
    )
    return revoked is not None
