"""保民生: an approved maximum load in place of a stop or limit, while the approval is in force."""

from dataclasses import replace

from detectors.registry import Approval
from detectors.rulebook.conditions import Facts
from detectors.rulebook.decisions import ControlKind, Decision, Outcome
from detectors.rulebook.office import Office
from detectors.rulebook.schema import Item, Livelihood, Rulebook
from detectors.rulebook.words import METERS, approval_words, joined, no_approval_words
from detectors.vocab import Control, Measure

#: The task of an approval that an item's own approver gave, and not the livelihood clause.
_OTHER_TASK = "other"


def with_approval(
    decision: Decision, rulebook: Rulebook, office: Office, facts: Facts, span: tuple[int, int] | None
) -> Decision:
    """The cap of an approval in place of what an item orders; what it orders else stays in ``otherwise``.

    An approval of the decision's own scope goes before one of the whole plant. It counts where it touches ``span``
    (None: at any time). What nothing measures apart can be capped as a whole, so a decision that lacks only meters is
    decided too.
    """
    is_open = decision.outcome is Outcome.CANNOT_DECIDE and decision.missing == (METERS,)
    if decision.outcome is not Outcome.ORDERED and not is_open:
        return decision
    approvals = in_force(office, decision, span)
    clause = rulebook.livelihood
    if not approvals:
        has_task = clause is not None and bool(facts.of(clause.attribute).values)
        if not has_task or clause is None:
            return decision
        zh, en = joined((decision.why_zh, decision.why_en), no_approval_words(clause))
        return replace(decision, why_zh=zh, why_en=en)
    approval = approvals[-1]
    found = clause_of(rulebook, decision, approval)
    if found is None:
        return decision
    zh, en = joined((f"{found.clause}：{_short(found)[0]}", f"{found.clause}: {_short(found)[1]}"))
    zh, en = joined((zh, en), approval_words(found, approval, rulebook.zone, span))
    return Decision(
        decision.plant_id,
        decision.line_id,
        Outcome.ORDERED,
        zh,
        en,
        item_id=found.item_id,
        clause=found.clause,
        is_listed=decision.is_listed,
        kind=ControlKind.CAP,
        scope_id=approval.scope_id,
        control=Control.CAP,
        measure=Measure.POWER,
        cap_kw=approval.max_kw,
        otherwise=decision,
    )


def in_force(office: Office, decision: Decision, span: tuple[int, int] | None) -> list[Approval]:
    """The approvals that stand in place of a decision, by time; those that touch ``span`` where it is given."""
    for scope_id in (decision.scope_id, decision.line_id, decision.plant_id):
        rows = [
            row
            for row in office.approvals.get(scope_id or "", ())
            if span is None or (row.valid_from < span[1] and row.valid_to > span[0])
        ]
        if rows:
            return rows
    return []


def clause_of(rulebook: Rulebook, decision: Decision, approval: Approval) -> Livelihood | Item | None:
    """The clause under which an approval counts: the item's own where it names an approver, else that of livelihood."""
    item = rulebook.item(decision.item_id) if decision.item_id is not None else None
    if item is not None and item.approver is not None and approval.task == _OTHER_TASK:
        return item
    return rulebook.livelihood


def _short(clause: Livelihood | Item) -> tuple[str, str]:
    return (clause.note_zh, clause.note_en) if isinstance(clause, Item) else (clause.zh, clause.en)
