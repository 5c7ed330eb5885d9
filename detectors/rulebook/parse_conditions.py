"""Conditions and vocabulary of a rulebook file.

A condition is one of ``{ attribute = "fuel", has = [...] }`` (one of its values is listed), the same with ``only`` in
place of ``has`` (all of them are), ``{ industry = { 2017 = ["3031"] } }``, ``{ all = [...] }``, ``{ any = [...] }`` and
``{ not = ... }``.
"""

import re
from collections.abc import Mapping

from detectors.rulebook.conditions import (
    EDITIONS,
    AllOf,
    AnyOf,
    Condition,
    HasAny,
    HasOnly,
    InIndustry,
    Negation,
)
from detectors.rulebook.fields import Fields
from detectors.rulebook.schema import Attribute, RulebookError

Vocabulary = Mapping[str, Attribute]


def read_vocabulary(fields: Fields) -> dict[str, Attribute]:
    """The attributes by name. Raises ``RulebookError``."""
    return {name: _attribute(name, table) for name, table in fields.tables()}


def _attribute(name: str, fields: Fields) -> Attribute:
    zh, en, is_open, is_number = fields.text("zh"), fields.text("en"), fields.flag("open"), fields.flag("number")
    values: dict[str, tuple[str, str]] = {}
    if fields.has("values"):
        under = fields.under("values")
        for value in under.names():
            labels = under.take(value)
            if not isinstance(labels, list) or [type(label) for label in labels] != [str, str]:
                raise under.error(value, f'["中文", "English"] is wanted, not {labels!r}')
            values[value] = (labels[0], labels[1])
    fields.end()
    if is_number and (values or is_open):
        raise RulebookError(f"{fields.place}: a number has neither values nor open")
    if not values and not is_number and not is_open:
        raise RulebookError(f"{fields.place}: values, open = true or number = true is wanted")
    return Attribute(name, zh, en, values, is_open, is_number)


def read_industries(fields: Fields) -> frozenset[tuple[str, str]]:
    """Codes by edition: ``{ 2011 = ["3011"], 2017 = ["3011"] }``. Raises ``RulebookError``."""
    codes: set[tuple[str, str]] = set()
    for edition in fields.names():
        if edition not in EDITIONS:
            raise fields.error(edition, f"an edition of GB/T 4754 is wanted, {' or '.join(EDITIONS)}")
        for code in fields.texts(edition):
            if not re.fullmatch(r"\d{4}", code):
                raise fields.error(edition, f"a code of four digits is wanted, not {code!r}")
            codes.add((edition, code))
    return frozenset(codes)


def read_condition(value: object, place: str, vocabulary: Vocabulary) -> Condition:
    """One condition with all that is in it. Raises ``RulebookError``."""
    fields = Fields(value, place)
    kinds = [kind for kind in ("attribute", "industry", "all", "any", "not") if fields.has(kind)]
    if len(kinds) != 1:
        raise RulebookError(f"{place}: exactly one of attribute, industry, all, any, not is wanted")
    condition = _condition(kinds[0], fields, vocabulary)
    fields.end()
    return condition


def _condition(kind: str, fields: Fields, vocabulary: Vocabulary) -> Condition:
    if kind == "industry":
        return InIndustry(read_industries(fields.under("industry")))
    if kind == "not":
        return Negation(read_condition(fields.take("not"), f"{fields.place}: not", vocabulary))
    if kind in ("all", "any"):
        parts = tuple(
            read_condition(part, f"{fields.place}: {kind} {n}", vocabulary)
            for n, part in enumerate(fields.items(kind), 1)
        )
        return AllOf(parts) if kind == "all" else AnyOf(parts)
    attribute = read_attribute_name(fields, vocabulary)
    if fields.has("has") == fields.has("only"):
        raise RulebookError(f"{fields.place}: exactly one of has, only is wanted")
    key = "has" if fields.has("has") else "only"
    values = read_values(fields, key, vocabulary[attribute])
    return HasAny(attribute, values) if key == "has" else HasOnly(attribute, values)


def read_attribute_name(fields: Fields, vocabulary: Vocabulary) -> str:
    """The key ``attribute``: a name of the vocabulary that is no number."""
    name = fields.text("attribute")
    if name not in vocabulary:
        raise fields.error("attribute", f"{name!r} is not in the vocabulary: {', '.join(sorted(vocabulary))}")
    if vocabulary[name].is_number:
        raise fields.error("attribute", f"{name!r} is a number: no condition asks for it")
    return name


def read_values(fields: Fields, key: str, attribute: Attribute) -> frozenset[str]:
    """Values that the vocabulary lists. An open attribute may hold others, a condition may not ask for them."""
    values = fields.texts(key)
    for value in values:
        if value not in attribute.values:
            raise fields.error(key, f"{value!r} is no value of {attribute.name}: {', '.join(attribute.values)}")
    return frozenset(values)
