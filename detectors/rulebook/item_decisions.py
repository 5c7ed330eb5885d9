"""What one item decides for a plant as a whole, and line by line where it speaks of lines and they differ."""

from dataclasses import dataclass, replace

from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.demands import Case, demanded, demanded_of_line, plain, undecided
from detectors.rulebook.matching import Match, match
from detectors.rulebook.schema import Demand, Item, Subject
from detectors.rulebook.words import by_lines_words, demand_words, item_words, joined


@dataclass(frozen=True, slots=True)
class ItemDecisions:
    """The decision on the plant; ``lines``: on each line, where the plant is not decided as a whole."""

    plant: Decision
    lines: tuple[Decision, ...] = ()


def item_decisions(case: Case, item: Item, level: str | None) -> ItemDecisions | None:
    """What an item decides at a level, None for the season; None: the plant is of another trade."""
    if item.subject is Subject.LINE and case.lines:
        return _by_lines(case, item, level)
    found = match(item, case.facts)
    if found is None:
        return None
    return ItemDecisions(_of_match(case, item, found, item.demands.get(level)))


def _by_lines(case: Case, item: Item, level: str | None) -> ItemDecisions | None:
    """Each line by itself; as a whole where all lines say the same."""
    demand = item.demands.get(level)
    matches = [match(item, case.of_line(line)) for line in case.lines]
    found = [m for m in matches if m is not None]
    if len(found) != len(matches):  # the trade is the plant's: all lines are of it, or none
        return None
    if len({m.outcome for m in found}) == 1:
        missing = frozenset[str]().union(*(m.missing for m in found))
        return ItemDecisions(_of_match(case, item, replace(found[0], missing=missing), demand))
    lines = []
    for line, m in zip(case.lines, found, strict=True):
        if m.outcome is Outcome.ORDERED and demand is not None:
            lines.append(demanded_of_line(case, item, demand, line))
        else:
            lines.append(replace(_of_match(case, item, m, demand), line_id=line.line_id))
    return ItemDecisions(_over(case, item, demand, lines), tuple(lines))


def _over(case: Case, item: Item, demand: Demand | None, lines: list[Decision]) -> Decision:
    """The plant over its lines: ordered where one of them is, open where one of them is, else taken out."""
    order = (Outcome.ORDERED, Outcome.CANNOT_DECIDE, Outcome.EXEMPT, Outcome.NOT_COVERED)
    outcome = min((line.outcome for line in lines), key=order.index)
    missing = {name for line in lines for name in line.missing} if outcome is Outcome.CANNOT_DECIDE else set()
    decision = plain(case, item, outcome, *by_lines_words(lines), sorted(missing))
    if outcome is not Outcome.ORDERED or demand is None:
        return decision
    zh, en = joined(item_words(item), demand_words(demand), by_lines_words(lines))
    return replace(decision, kind=demand.kind, reduction=demand.reduction, why_zh=zh, why_en=en)


def _of_match(case: Case, item: Item, found: Match, demand: Demand | None) -> Decision:
    if found.outcome is Outcome.NOT_COVERED:
        return plain(case, item, found.outcome, "按属性不在此列", "by its attributes not spoken of")
    if found.outcome is Outcome.EXEMPT and found.bracket is not None:
        bracket = found.bracket
        return plain(case, item, found.outcome, f"不含：{bracket.zh}", f"taken out: {bracket.en}")
    if found.outcome is Outcome.CANNOT_DECIDE:
        return undecided(case, item, sorted(found.missing))
    if demand is None:
        return plain(case, item, Outcome.NOT_COVERED, "此级别没有措施", "nothing is ordered at this level")
    return demanded(case, item, demand)
