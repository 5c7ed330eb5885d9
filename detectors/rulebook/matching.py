"""Whether an item of the rulebook speaks of a plant or line: by trade, by attributes, by its brackets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.rulebook.conditions import CODE_DIGITS, EDITIONS, YES, Facts, InIndustry, evaluate
from detectors.rulebook.decisions import Outcome
from detectors.rulebook.schema import Bracket, Item


@dataclass(frozen=True, slots=True)
class Match:
    """What an item says. ``missing``: what would decide; ``bracket``: what takes the plant out."""

    outcome: Outcome
    missing: frozenset[str] = frozenset()
    bracket: Bracket | None = None


def trades(items: Sequence[Item]) -> dict[tuple[str, str], list[Item]]:
    """Items by (edition, code) of the trades that they speak of, in their order."""
    found: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        for trade in item.industries:
            found.setdefault(trade, []).append(item)
    return found


def items_of(items: Sequence[Item], by_trade: Mapping[tuple[str, str], Sequence[Item]], facts: Facts) -> Sequence[Item]:
    """The items that may speak of a plant: where its trade is known those of it, else all. Most plants of a city are of
    no trade of the plan, and need not be asked sixteen times."""
    code, edition = facts.industry or "", facts.edition
    if edition not in EDITIONS or len(code) < CODE_DIGITS:
        return items
    return by_trade.get((edition, code), ())


def match(item: Item, facts: Facts) -> Match | None:
    """What an item says of a plant or line; None: it is of another trade.

    Asked in turn: trade, attributes, brackets. What is missing is told for the first of them that does not decide, so
    nobody collects attributes of a trade that the plant does not have.
    """
    trade = evaluate(InIndustry(item.industries), facts)
    if trade.truth is False:
        return None
    when = evaluate(item.when, facts) if item.when is not None else YES
    if when.truth is False:
        return Match(Outcome.NOT_COVERED)
    for answer in (trade, when):
        if answer.truth is None:
            return Match(Outcome.CANNOT_DECIDE, answer.missing)
    answers = [(bracket, evaluate(bracket.when, facts)) for bracket in item.brackets]
    for bracket, answer in answers:
        if answer.truth:
            return Match(Outcome.EXEMPT, bracket=bracket)
    missing = frozenset[str]().union(*(answer.missing for _, answer in answers))
    return Match(Outcome.CANNOT_DECIDE, missing) if missing else Match(Outcome.ORDERED)
