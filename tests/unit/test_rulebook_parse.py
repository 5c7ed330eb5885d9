"""A rulebook file is refused with the place and what is wanted; what nobody reads is refused too."""

import tomllib
from datetime import date

import pytest

from detectors.errors import InputError
from detectors.rulebook.conditions import AllOf, AnyOf, HasAny, HasOnly, InIndustry, Negation
from detectors.rulebook.decisions import ControlKind
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.schema import PlantPlans, RulebookError
from tests.unit.rulebook_cases import FOLDER, shipped

SMALL = """
id = "small"
version = "3"
zh = "小方案"
en = "a small plan"
document = "示例〔2020〕1号"
issued = 2020-10-01
zone = "Asia/Shanghai"

[season]
first = 2020-11-15
last = 2021-03-15

[grace]
stop = { hours = 4, origin = "[D]", zh = "缺省", en = "default" }

[attributes.fuel]
zh = "燃料"
en = "fuel"
values = { coal = ["煤", "coal"], gas = ["气", "gas"] }

[attributes.hours]
zh = "小时"
en = "hours"
number = true

[[items]]
id = "a"
clause = "一1"
zh = "甲"
en = "first"
industries = { 2017 = ["3031"] }
order = { kind = "stop" }
when = { attribute = "fuel", has = ["coal"] }
"""


def with_line(old: str, new: str) -> str:
    """The small rulebook with one piece of text replaced; the piece must be there once."""
    if SMALL.count(old) != 1:
        raise ValueError(old)
    return SMALL.replace(old, new)


def test_a_small_rulebook_is_read() -> None:
    rulebook = parse_rulebook(SMALL, "small.toml")
    assert (rulebook.rulebook_id, rulebook.version, rulebook.document) == ("small", "3", "示例〔2020〕1号")
    assert rulebook.season is not None
    assert (rulebook.season.first, rulebook.issued) == (date(2020, 11, 15), date(2020, 10, 1))
    assert rulebook.plant_plans is PlantPlans.MAY_TIGHTEN
    (item,) = rulebook.items
    assert item.industries == {("2017", "3031")}
    assert item.when == HasAny("fuel", frozenset({"coal"}))
    assert item.demands[None].kind is ControlKind.STOP


def test_conditions_nest() -> None:
    text = with_line(
        'when = { attribute = "fuel", has = ["coal"] }',
        'when = { any = [{ not = { attribute = "fuel", only = ["gas"] } }, '
        '{ all = [{ industry = { 2011 = ["3031"] } }] }] }',
    )
    (item,) = parse_rulebook(text, "small.toml").items
    assert item.when == AnyOf(
        (
            Negation(HasOnly("fuel", frozenset({"gas"}))),
            AllOf((InIndustry(frozenset({("2011", "3031")})),)),
        )
    )


REFUSED = [
    ("= =", "small.toml: not TOML"),
    (with_line('id = "small"', 'id = "Small Plan"'), "small.toml: id: small letters"),
    (with_line('version = "3"', "version = 3"), "small.toml: version: a text is wanted, not 3"),
    (with_line('version = "3"', ""), "small.toml: version: missing"),
    (with_line('version = "3"', 'version = "3"\nauthor = "x"'), "small.toml: author: not a key of this place"),
    (with_line('zone = "Asia/Shanghai"', 'zone = "Asia/Zhengzhou"'), "small.toml: zone: no such zone"),
    (with_line("first = 2020-11-15", 'first = "2020-11-15"'), "small.toml: season: first: a date is wanted"),
    (with_line("first = 2020-11-15", "first = 2020-11-15T00:00:00"), "small.toml: season: first: a date is wanted"),
    (with_line("last = 2021-03-15", "last = 2020-03-15"), "season: last 2020-03-15 lies before first"),
    (
        with_line('zone = "Asia/Shanghai"', 'zone = "Asia/Shanghai"\nplant_plans = "loosen"'),
        "small.toml: plant_plans: one of may_tighten, replace is wanted, not 'loosen'",
    ),
    (with_line("stop = { hours = 4,", "rest = { hours = 4,"), "small.toml: grace: stop: missing"),
    (with_line("hours = 4,", "hours = -4,"), "small.toml: grace: stop: hours: hours, 0 to 720"),
    (with_line('origin = "[D]", ', ""), "small.toml: grace: stop: origin: missing"),
    (with_line('coal = ["煤", "coal"]', 'coal = "coal"'), 'attributes: fuel: values: coal: ["中文", "English"]'),
    (with_line("number = true", ""), "attributes: hours: values, open = true or number = true is wanted"),
    (with_line("number = true", "number = true\nopen = true"), "attributes: hours: a number has neither"),
    (with_line("number = true", "number = 1"), "attributes: hours: number: true or false is wanted"),
    (with_line('id = "a"', 'id = "a"\nprio = 1'), "small.toml: item a: prio: not a key of this place"),
    (with_line('clause = "一1"', ""), "small.toml: item a: clause: missing"),
    (with_line('["3031"]', '["303"]'), "item a: industries: 2017: a code of four digits is wanted, not '303'"),
    (with_line('["3031"]', "[3031]"), "item a: industries: 2017: different texts are wanted"),
    (with_line('["3031"]', '["3031", "3031"]'), "item a: industries: 2017: different texts are wanted"),
    (with_line('2017 = ["3031"]', '2016 = ["3031"]'), "item a: industries: 2016: an edition of GB/T 4754"),
    (with_line('{ 2017 = ["3031"] }', "{}"), "item a: industries: empty"),
    (with_line('{ kind = "stop" }', '{ kind = "halt" }'), "item a: order: kind: one of stop, "),
    (with_line('{ kind = "stop" }', '{ kind = "cap" }'), "item a: order: kind: a cap in kW is approved"),
    (with_line('{ kind = "stop" }', '{ kind = "limit" }'), "item a: order: reduction: missing"),
    (
        with_line('{ kind = "stop" }', '{ kind = "limit", reduction = 30 }'),
        "item a: order: reduction: the share that is cut, above 0 and up to 1, is wanted (限产30% is 0.30), not 30",
    ),
    (with_line('{ kind = "stop" }', '{ kind = "limit", reduction = 0 }'), "order: reduction: the share that is cut"),
    (with_line('{ kind = "stop" }', '{ kind = "stop", reduction = 0.3 }'), "item a: order: reduction: not a key"),
    (with_line('{ kind = "stop" }', '{ kind = "coking" }'), "item a: order: hours: missing"),
    (with_line('{ kind = "stop" }', '{ kind = "stop_process" }'), "item a: part: missing: which process stops?"),
    (
        with_line('{ kind = "stop" }', '{ kind = "lines", reduction = 0.3 }\nsubject = "line"'),
        "item a: subject: line goes with stop, not with lines",
    ),
    (with_line('{ kind = "stop" }', '{ kind = "stop" }\ngrace = "kiln"'), "item a: grace: 'kiln' is not in the table"),
    (with_line('attribute = "fuel"', 'attribute = "feul"'), "item a: when: attribute: 'feul' is not in the vocabulary"),
    (with_line('attribute = "fuel"', 'attribute = "hours"'), "item a: when: attribute: 'hours' is a number"),
    (with_line('has = ["coal"]', 'has = ["coke"]'), "item a: when: has: 'coke' is no value of fuel: coal, gas"),
    (with_line('has = ["coal"]', 'has = ["coal"], only = ["coal"]'), "item a: when: exactly one of has, only"),
    (with_line('has = ["coal"]', "has = []"), "item a: when: has: a list is wanted"),
    (with_line('attribute = "fuel", has = ["coal"]', 'all = ["coal"]'), "item a: when: all 1: a table is wanted"),
    (with_line('attribute = "fuel", has', "not = {}, any = [], has"), "item a: when: exactly one of attribute, "),
    (
        SMALL + '[items.part]\nattribute = "fuel"\nstops = ["coal"]\nrest = "exempt"\nzh = "x"\nen = "x"\n',
        "item a: part: goes with stop_process, cells, lines, not with stop",
    ),
    (SMALL + '[[items.exempt]]\nzh = "x"\nen = "x"\n', "item a: exempt 1: when: missing"),
    (SMALL + "[[items]]" + SMALL.split("[[items]]")[1], "small.toml: item a: the id stands twice"),
    (SMALL.split("[[items]]")[0], "small.toml: items: missing"),
    (SMALL.replace("[season]\nfirst = 2020-11-15\nlast = 2021-03-15\n", ""), "exactly one of season, levels"),
    (
        with_line('zone = "Asia/Shanghai"', 'zone = "Asia/Shanghai"\nlevels = [{ id = "red", zh = "红", en = "red" }]'),
        "small.toml: item a: orders: missing",
    ),
]


@pytest.mark.parametrize("text, message", REFUSED, ids=[message for _, message in REFUSED])
def test_a_fault_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(RulebookError) as caught:
        parse_rulebook(text, "small.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("small.toml: ")
    assert isinstance(caught.value, InputError)


def test_a_level_that_the_rulebook_does_not_name_is_refused() -> None:
    text = (FOLDER / "heavy-pollution.toml").read_text(encoding="utf-8")
    with pytest.raises(RulebookError, match=r"item kilns: orders: purple: one of the levels is wanted: yellow, "):
        parse_rulebook(text.replace("\nred = { kind", "\npurple = { kind", 1), "heavy.toml")


@pytest.mark.parametrize("name", ["zhengzhou-2017", "heavy-pollution"])
def test_every_key_of_a_shipped_rulebook_is_read(name: str) -> None:
    """Nothing is taken out of the file before it is parsed, so an unknown key anywhere would have been refused."""
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    assert [i.item_id for i in shipped(name).items] == [i["id"] for i in table["items"]]
    assert set(shipped(name).attributes) == set(table["attributes"])
