"""The rulebooks that were applied, with the text of each version."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from detectors.rulebook.schema import Rulebook


@dataclass(frozen=True, slots=True)
class AppliedRulebook:
    """A version of a rulebook, its TOML text, and when it was applied first and last."""

    rulebook_id: str
    version: str
    document: str
    title_zh: str
    title_en: str
    body: str
    first_applied_at: datetime
    applied_at: datetime


async def keep_rulebook(connection: AsyncConnection, rulebook: Rulebook, body: str, now: datetime) -> None:
    """Note in the caller's transaction that a rulebook is applied.

    Raises:
        InputError: this version was applied with another text: what orders were made from must stay readable.
    """
    kept = await connection.scalar(
        text(
            "INSERT INTO rulebooks AS r (rulebook_id, version, document, title_zh, title_en, body, first_applied_at,"
            " applied_at) VALUES (:id, :version, :document, :zh, :en, :body, :now, :now)"
            " ON CONFLICT (rulebook_id, version) DO UPDATE SET applied_at = excluded.applied_at"
            " RETURNING r.body"
        ),
        {
            "id": rulebook.rulebook_id,
            "version": rulebook.version,
            "document": rulebook.document,
            "zh": rulebook.zh,
            "en": rulebook.en,
            "body": body,
            "now": now,
        },
    )
    if kept != body:
        name = f"{rulebook.rulebook_id} version {rulebook.version}"
        raise InputError(f"{name} was applied with another text: raise its `version` / 同一版本内容已变，请提高version")


async def applied_rulebooks(connection: AsyncConnection) -> list[AppliedRulebook]:
    """All versions, the latest applied first."""
    rows = await connection.execute(
        text(
            "SELECT rulebook_id, version, document, title_zh, title_en, body, first_applied_at, applied_at"
            " FROM rulebooks ORDER BY applied_at DESC, rulebook_id, version"
        )
    )
    return [AppliedRulebook(*row) for row in rows]
