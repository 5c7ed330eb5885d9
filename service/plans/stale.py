"""Applied rulebooks whose orders no longer stand as they ask: the list, a plan, a warning or an approval changed."""

from collections import Counter

from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.schema import RulebookError
from service.db.registry_errors import Problem
from service.db.registry_load import load_rows
from service.db.rulebooks import applied_rulebooks
from service.plans.changes import plan_changes


async def stale_plans(connection: AsyncConnection) -> list[Problem]:
    """A warning for each applied rulebook that would change orders now, or cannot be applied as things are."""
    latest = {applied.rulebook_id: applied for applied in reversed(await applied_rulebooks(connection))}
    if not latest:
        return []
    registry = (await load_rows(connection)).registry
    found: list[Problem] = []
    for rulebook_id, applied in sorted(latest.items()):
        try:
            changes = plan_changes(parse_rulebook(applied.body, rulebook_id), registry).orders
        except RulebookError as fault:
            en, zh = f"cannot be applied any more: {fault}", f"现已无法套用：{fault}"
        else:
            if not changes:
                continue
            told = ", ".join(f"{n} {what}" for what, n in sorted(Counter(c.what for c in changes).items()))
            en = f"asks for other orders now ({told}): look at `cuofeng plan diff {rulebook_id}`, then apply it"
            zh = f"应有的停限产令已变化（{len(changes)}条）：请核对 cuofeng plan diff {rulebook_id} 后套用"
        found.append(Problem(f"plan {rulebook_id}", None, None, None, en, zh))
    return found
