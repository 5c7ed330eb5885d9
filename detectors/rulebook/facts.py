"""What is known of a plant or line: its attributes in the words of a rulebook's vocabulary."""

import re
from collections.abc import Mapping, Sequence

from detectors.registry import Line, Plant
from detectors.rulebook.conditions import Facts, Known
from detectors.rulebook.schema import Attribute

Vocabulary = Mapping[str, Attribute]


def line_facts(plant: Plant, line: Line, vocabulary: Vocabulary) -> Facts:
    """Facts of one line: its own attributes before those of its plant."""
    return _facts(plant, [_stated(plant.attributes, vocabulary) | _stated(line.attributes, vocabulary)])


def plant_facts(plant: Plant, lines: Sequence[Line], vocabulary: Vocabulary) -> Facts:
    """Facts of a plant as a whole: the values of all its lines together; its own where it has no lines.

    An attribute that one line lacks, and the plant too, is not complete: that line may have any value.
    """
    own = _stated(plant.attributes, vocabulary)
    return _facts(plant, [own | _stated(line.attributes, vocabulary) for line in lines] or [own])


def number(facts: Facts, attribute: str) -> float | None:
    """The one number that an attribute holds; None where there is none, or several."""
    known = facts.of(attribute)
    if not known.is_complete or len(known.values) != 1:
        return None
    try:
        return float(next(iter(known.values)))
    except ValueError:
        return None


def _facts(plant: Plant, parts: Sequence[Mapping[str, Known]]) -> Facts:
    values = {}
    for name in {name for part in parts for name in part}:
        known = [part.get(name, Known()) for part in parts]
        values[name] = Known(frozenset[str]().union(*(k.values for k in known)), all(k.is_complete for k in known))
    code = (plant.industry or "").strip().lstrip("ABCDEFGHIJKLMNOPQRST")
    return Facts(code or None, plant.industry_edition, values)


def _stated(attributes: Mapping[str, str], vocabulary: Vocabulary) -> dict[str, Known]:
    names = {attribute.zh: name for name, attribute in vocabulary.items()}
    stated = {}
    for key, text in attributes.items():
        attribute = vocabulary.get(names.get(key, key))
        if attribute is not None and text.strip():
            stated[attribute.name] = _known(attribute, text)
    return stated


def _known(attribute: Attribute, text: str) -> Known:
    """The values of a cell, several joined by ``+``. A word outside a closed vocabulary says nothing."""
    if attribute.is_number:
        return Known(frozenset({text.strip()}), True)
    codes = {zh: value for value, (zh, _) in attribute.values.items()}
    words = [word.strip() for word in re.split(r"[+＋、]", text) if word.strip()]
    values = {codes.get(word, word) for word in words}
    believed = values if attribute.is_open else values & set(attribute.values)
    return Known(frozenset(believed), bool(believed) and len(believed) == len(values))
