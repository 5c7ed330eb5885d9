"""The audit log: who did what to what, append-only."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def append_audit(
    connection: AsyncConnection, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Add one line in the caller's transaction. ``action``: a verb with its object, such as ``alert.acknowledge``."""
    await connection.execute(
        text(
            "INSERT INTO audit_log (at, actor, action, subject, detail)"
            " VALUES (:at, :actor, :action, :subject, CAST(:detail AS jsonb))"
        ),
        {
            "at": at,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": json.dumps(detail, ensure_ascii=False, default=str),
        },
    )
