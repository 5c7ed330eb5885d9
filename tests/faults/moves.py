"""A trigger writes down every step of every cursor and whose connection it came over: who moved what, when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_INSTALL = (
    "CREATE TABLE harness_moves (no bigserial PRIMARY KEY, part int, from_offset bigint, to_offset bigint,"
    " epoch_before bigint, epoch bigint, client_port int, at double precision)",
    "CREATE FUNCTION harness_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO harness_moves (part, from_offset, to_offset, epoch_before, epoch, client_port, at) VALUES"
    " (OLD.part, OLD.next_offset, NEW.next_offset, OLD.epoch, NEW.epoch, inet_client_port(),"
    " extract(epoch FROM clock_timestamp())); RETURN NULL; END $$",
    "CREATE TRIGGER harness_moves AFTER UPDATE ON cursors FOR EACH ROW"
    " WHEN (OLD.next_offset <> NEW.next_offset OR OLD.epoch <> NEW.epoch) EXECUTE FUNCTION harness_note()",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a cursor. at: the machine's clock, epoch seconds; client_port: of the connection it came over."""

    part: int
    from_offset: int
    to_offset: int
    epoch_before: int
    epoch: int
    client_port: int
    at: float

    @property
    def is_claim(self) -> bool:
        """Somebody took the partition over."""
        return self.epoch != self.epoch_before


async def install(engine: AsyncEngine) -> None:
    """Begin to write down."""
    async with engine.begin() as connection:
        for statement in _INSTALL:
            await connection.execute(text(statement))


async def steps(engine: AsyncEngine, since: float = 0.0) -> list[Step]:
    """All steps that were committed, in their order. since: from this time on, epoch seconds."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT part, from_offset, to_offset, epoch_before, epoch, client_port, at FROM harness_moves"
                " WHERE at >= :since ORDER BY no"
            ),
            {"since": since},
        )
        return [Step(*row) for row in found]


def stale_effects(done: Sequence[Step], owner_of: Callable[[Step], str]) -> list[str]:
    """Steps that break the order: a cursor that jumped, or moved by another process than the one that holds it.

    owner_of: the process whose connection a step came over.
    """
    found = []
    stands: dict[int, int] = {}
    holder: dict[int, tuple[int, str]] = {}
    for step in done:
        who = owner_of(step)
        if step.from_offset != stands.get(step.part, step.from_offset):
            found.append(f"the cursor of {step.part} jumped from {stands[step.part]} to {step.from_offset}")
        stands[step.part] = step.to_offset
        if step.is_claim:
            if step.epoch != step.epoch_before + 1:
                found.append(f"the epoch of {step.part} went from {step.epoch_before} to {step.epoch}")
            holder[step.part] = (step.epoch, who)
        elif holder.get(step.part) != (step.epoch, who):
            found.append(f"{who} moved {step.part} in epoch {step.epoch}, held: {holder.get(step.part)}")
    return found
