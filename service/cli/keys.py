"""``cuofeng keys create|list|revoke``."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InputError
from service.cli.transaction import in_transaction
from service.clock import SystemClock
from service.db.audit import append_audit
from service.db.keys import AccessRole, create_key, list_keys, revoke_key
from service.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    keys = typer.Typer(help="API keys: make, list, end.", no_args_is_help=True)
    app.add_typer(keys, name="keys")

    @keys.command("create")
    def create(
        role: Annotated[AccessRole, typer.Option(help="What its holder may do.")],
        name: Annotated[str, typer.Option(help="Who holds it.")],
        county: Annotated[str | None, typer.Option(help="The county of a county key.")] = None,
        days: Annotated[int | None, typer.Option(min=1, help="Ends after so many days; default: never.")] = None,
    ) -> None:
        """Make a key and print it, and only it: it is shown once and stored nowhere."""
        settings, now = Settings(), _now()

        async def run(connection: AsyncConnection) -> str:
            key = await create_key(
                connection,
                role=role,
                name=name,
                county=county,
                pepper=settings.key_pepper.get_secret_value(),
                expires_at=None if days is None else now + timedelta(days=days),
            )
            detail = {"role": role.value, "county": county, "name": name}
            await append_audit(
                connection, at=now, actor="cli", action="key.create", subject=key.split("_")[1], detail=detail
            )
            return key

        typer.echo(in_transaction(settings, run, name="keys"))

    @keys.command("list")
    def show(as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False) -> None:
        """List all keys, ended ones too; no key itself is known."""
        rows = in_transaction(Settings(), list_keys, name="keys", is_read_only=True)
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
            return
        for row in rows:
            state = (
                "revoked" if row.revoked_at else f"expires {row.expires_at:%Y-%m-%d}" if row.expires_at else "active"
            )
            typer.echo(f"{row.key_id}  {row.role:<9} {row.county or '-':<10} {state:<20} {row.name}")

    @keys.command("revoke")
    def revoke(key_id: Annotated[str, typer.Argument(help="The second part of the key, as `list` shows it.")]) -> None:
        """End a key; the service forgets it within 5 s."""

        async def run(connection: AsyncConnection) -> bool:
            if not await revoke_key(connection, key_id):
                return False
            await append_audit(connection, at=_now(), actor="cli", action="key.revoke", subject=key_id, detail={})
            return True

        if not in_transaction(Settings(), run, name="keys"):
            raise InputError(f"there is no active key {key_id}")


def _now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now(), UTC)
