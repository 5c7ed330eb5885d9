"""Conditions over the attributes of a plant or line, in three values: true, false, not known.

An answer that is not known names the attributes that are missing. It is given only where some values of them would make
the condition true and others false: what is known decides as far as it goes. ``all`` is false at its first false part,
whatever else is missing; ``any`` is true at its first true one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

#: Editions of GB/T 4754 that a code may be of. The same digits name other trades in the other edition.
EDITIONS = ("2011", "2017")
#: Of a code that names a trade; fewer name a group of trades.
CODE_DIGITS = 4
#: Names under which a missing code or edition is told.
INDUSTRY = "industry"
EDITION = "industry_edition"


@dataclass(frozen=True, slots=True)
class Known:
    """The values of one attribute. Not complete: there may be others, or none is known."""

    values: frozenset[str] = frozenset()
    is_complete: bool = False


#: An attribute of which nothing is known.
NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a plant or line. ``industry``: digits of GB/T 4754 without the letter; None: not known."""

    industry: str | None
    edition: str | None
    values: Mapping[str, Known] = field(default_factory=dict)

    def of(self, attribute: str) -> Known:
        """What is known of an attribute."""
        return self.values.get(attribute, NOTHING)


@dataclass(frozen=True, slots=True)
class HasAny:
    """One of the attribute's values is among ``values``."""

    attribute: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasOnly:
    """All of the attribute's values are among ``values``."""

    attribute: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class InIndustry:
    """The code is one of these, of the same edition."""

    codes: frozenset[tuple[str, str]]  # (edition, code)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: "Condition"


Condition: TypeAlias = HasAny | HasOnly | InIndustry | AllOf | AnyOf | Negation


@dataclass(frozen=True, slots=True)
class Answer:
    """``truth`` None: not known, for want of ``missing``."""

    truth: bool | None
    missing: frozenset[str] = frozenset()


YES = Answer(True)
NO = Answer(False)


def evaluate(condition: Condition, facts: Facts) -> Answer:
    """Whether a condition holds.

    >>> coal = HasAny("fuel", frozenset({"coal"}))
    >>> evaluate(coal, Facts("3031", "2017", {"fuel": Known(frozenset({"coal", "electricity"}), True)})).truth
    True
    >>> evaluate(coal, Facts("3031", "2017"))
    Answer(truth=None, missing=frozenset({'fuel'}))
    """
    match condition:
        case HasAny(attribute, values):
            known = facts.of(attribute)
            if known.values & values:
                return YES
            return NO if known.is_complete else Answer(None, frozenset({attribute}))
        case HasOnly(attribute, values):
            known = facts.of(attribute)
            if known.values - values:
                return NO
            return YES if known.is_complete else Answer(None, frozenset({attribute}))
        case InIndustry(codes):
            return _in_industry(codes, facts)
        case AllOf(parts):
            return _joined([evaluate(part, facts) for part in parts], decides=False)
        case AnyOf(parts):
            return _joined([evaluate(part, facts) for part in parts], decides=True)
        case Negation(part):
            answer = evaluate(part, facts)
            return answer if answer.truth is None else Answer(not answer.truth)


def asked(condition: Condition) -> Iterator[str]:
    """The attributes that a condition asks for, industry and edition included."""
    match condition:
        case HasAny(attribute, _) | HasOnly(attribute, _):
            yield attribute
        case InIndustry(_):
            yield from (INDUSTRY, EDITION)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from asked(part)
        case Negation(part):
            yield from asked(part)


def _joined(answers: list[Answer], *, decides: bool) -> Answer:
    if any(a.truth is decides for a in answers):
        return Answer(decides)
    missing = frozenset[str]().union(*(a.missing for a in answers))
    return Answer(None, missing) if any(a.truth is None for a in answers) else Answer(not decides)


def _in_industry(codes: frozenset[tuple[str, str]], facts: Facts) -> Answer:
    """A code shorter than four digits names a group: it is not known whether the plant is of the trade."""
    code = facts.industry
    if not code:
        return Answer(None, frozenset({INDUSTRY}))
    editions = (facts.edition,) if facts.edition in EDITIONS else EDITIONS
    answers = [_in_edition(codes, edition, code) for edition in editions]
    if all(a == answers[0] for a in answers):
        return answers[0]
    return Answer(None, frozenset({EDITION}))


def _in_edition(codes: frozenset[tuple[str, str]], edition: str, code: str) -> Answer:
    if (edition, code) in codes:
        return YES
    is_group = len(code) < CODE_DIGITS and any(e == edition and c.startswith(code) for e, c in codes)
    return Answer(None, frozenset({INDUSTRY})) if is_group else NO
