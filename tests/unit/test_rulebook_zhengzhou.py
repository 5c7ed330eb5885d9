"""The plan of Zhengzhou, trap by trap (DOMAIN §2, §3): one sentence of the plan a test."""

import pytest

from detectors.rulebook.conditions import asked
from detectors.rulebook.decisions import ControlKind, Outcome
from detectors.rulebook.resolve import resolve
from detectors.vocab import Control, Measure, Role
from tests.unit.rulebook_cases import decide, line, meters, office, plant, shipped

ORDERED, EXEMPT = Outcome.ORDERED, Outcome.EXEMPT
NOT_COVERED, CANNOT = Outcome.NOT_COVERED, Outcome.CANNOT_DECIDE


def test_all_ten_stops_and_six_limits_are_there_with_their_clauses() -> None:
    items = shipped("zhengzhou-2017").items
    stops, limits = ([i for i in items if i.clause.startswith(part)] for part in ("三(一)", "三(二)"))
    assert [i.clause for i in stops] == [f"三(一){n}" for n in range(1, 11)]
    assert [i.clause for i in limits] == [f"三(二){n}" for n in range(1, 7)]
    assert {i.demands[None].kind for i in items} == set(ControlKind) - {ControlKind.CAP}
    assert shipped("zhengzhou-2017").livelihood is not None  # the seventh kind


def test_the_season_is_its_local_days_both_included() -> None:
    begin, end = shipped("zhengzhou-2017").span()
    assert (begin, end) == (1510675200, 1521129600)  # 2017-11-14T16:00Z, 2018-03-15T16:00Z
    assert (end - begin) % 86400 == 0
    assert (end - begin) // 86400 == 121


def test_thirty_per_cent_is_what_is_cut_not_what_is_left() -> None:
    decision = decide("3216", "process=alumina", [line(f"L{n}") for n in range(10)])
    assert (decision.reduction, decision.units_allowed) == (0.30, 7)


# 水泥


@pytest.mark.parametrize("edition", ["2011", "2017"])
def test_cement_is_stopped_and_grinding_is_not(edition: str) -> None:
    assert decide("3011", "process=clinker", edition=edition).kind is ControlKind.STOP
    assert decide("3011", "process=grinding", edition=edition).outcome is EXEMPT
    assert decide("3011", edition=edition).missing == ("process",)


def test_all_lines_grinding_is_a_grinding_station_whatever_the_plant_says() -> None:
    lines = [line("L1", "process=grinding"), line("L2", "process=grinding")]
    assert decide("3011", "process=clinker", lines).outcome is EXEMPT


def test_of_a_plant_with_both_the_clinker_lines_meters_are_stopped() -> None:
    lines = [line("L1", "process=clinker"), line("L2", "process=grinding")]
    by_line = meters({"M0": (Role.SUPPLY, None), "M1": (Role.LINE, "L1")})
    decision = decide("3011", "", lines, by_line)
    assert (decision.kind, decision.control, decision.scope_id) == (ControlKind.STOP_PROCESS, Control.STOP, "P-stop-1")
    by_rest = meters({"M0": (Role.SUPPLY, None), "M2": (Role.LINE, "L2")})
    assert decide("3011", "", lines, by_rest).scope_id == "P-stop-1"
    neither = decide("3011", "", lines, meters({"M0": (Role.SUPPLY, None)}))
    assert (neither.outcome, neither.missing) == (CANNOT, ("meters",))


def test_clinker_and_grinding_without_lines_cannot_be_told_apart() -> None:
    assert decide("3011", "process=clinker+grinding").missing == ("meters",)


def test_a_line_that_does_both_cannot_be_told_apart() -> None:
    lines = [line("L1", "process=clinker+grinding"), line("L2", "process=grinding")]
    metered = meters({"M1": (Role.LINE, "L1"), "M2": (Role.LINE, "L2")})
    assert decide("3011", "", lines, metered).missing == ("meters",)


# 铸造


@pytest.mark.parametrize("attributes", ["fuel=coke", "fuel=coal;furnace=gas;emission=stable", "fuel=electricity+coal"])
def test_a_foundry_on_coal_or_coke_is_stopped_however_clean(attributes: str) -> None:
    assert decide("3391", attributes).outcome is ORDERED


def test_an_electric_or_gas_furnace_is_stopped_where_it_is_unstable() -> None:
    assert decide("3391", "fuel=electricity;furnace=electric;emission=unstable").outcome is ORDERED
    assert decide("3392", "fuel=natural_gas;furnace=gas;emission=unstable").outcome is ORDERED
    assert decide("3391", "fuel=electricity;furnace=electric;emission=stable").outcome is NOT_COVERED
    assert decide("3391", "fuel=electricity;furnace=electric").missing == ("emission",)
    assert decide("3391", "emission=stable").missing == ("fuel",)


def test_the_foundry_is_the_enterprise_so_one_coke_line_is_enough() -> None:
    lines = [line("L1", "fuel=coke;emission=stable"), line("L2", "fuel=electricity;emission=stable")]
    decisions = resolve(shipped("zhengzhou-2017"), office(plant("3391"), lines))
    assert [(d.line_id, d.outcome, d.scope_id) for d in decisions] == [(None, ORDERED, "P")]


# 砖瓦窑

BRACKET = {
    "product": "aerated_concrete",
    "raw_material": "fly_ash",
    "energy_switch": "done",
    "enclosed": "yes",
}
AGAINST = {"product": "brick", "raw_material": "clay", "energy_switch": "not_done", "enclosed": "no"}


def test_aerated_concrete_is_taken_out_only_where_the_whole_bracket_holds() -> None:
    def text(values: dict[str, str]) -> str:
        return ";".join(f"{k}={v}" for k, v in values.items())

    assert decide("3031", text(BRACKET)).outcome is EXEMPT
    for name in BRACKET:
        assert decide("3031", text(BRACKET | {name: AGAINST[name]})).outcome is ORDERED
        assert decide("3031", text({k: v for k, v in BRACKET.items() if k != name})).missing == (name,)
        assert decide("3031", f"{name}={AGAINST[name]}").outcome is ORDERED
    assert decide("3031").missing == tuple(sorted(BRACKET))


def test_a_kiln_line_is_stopped_beside_a_line_that_is_taken_out() -> None:
    lines = [line("L1", "product=brick"), line("L2", ";".join(f"{k}={v}" for k, v in BRACKET.items()))]
    registry = office(plant("3031"), lines, meters({"M1": (Role.LINE, "L1"), "M2": (Role.LINE, "L2")}))
    whole, kiln, other = resolve(shipped("zhengzhou-2017"), registry)
    assert (whole.line_id, whole.outcome, whole.scope_id) == (None, ORDERED, None)
    assert (kiln.line_id, kiln.outcome, kiln.scope_id) == ("P-L1", ORDERED, "P-L1")
    assert (other.line_id, other.outcome) == ("P-L2", EXEMPT)


def test_a_line_that_nothing_measures_cannot_be_decided_by_itself() -> None:
    lines = [line("L1", "fuel=coal"), line("L2", "fuel=natural_gas")]
    whole, coal, gas = resolve(shipped("zhengzhou-2017"), office(plant("3071"), lines))
    assert (coal.outcome, coal.missing) == (CANNOT, ("meters",))
    assert (gas.outcome, whole.outcome, whole.missing) == (EXEMPT, CANNOT, ("meters",))


def test_lines_that_say_the_same_are_decided_as_a_plant() -> None:
    lines = [line("L1", "fuel=coal"), line("L2", "fuel=coal_gas")]
    decisions = resolve(shipped("zhengzhou-2017"), office(plant("3071"), lines))
    assert [(d.line_id, d.scope_id) for d in decisions] == [(None, "P")]


# 陶瓷、耐材、岩棉、玻璃棉、石膏板


@pytest.mark.parametrize("fuel", ["electricity", "natural_gas", "pipeline_gas", "natural_gas+electricity"])
def test_ceramics_on_clean_fuel_are_taken_out(fuel: str) -> None:
    assert decide("3071", f"fuel={fuel}").outcome is EXEMPT


@pytest.mark.parametrize("fuel", ["coal", "coal_gas", "natural_gas+coal", "oil"])
def test_ceramics_on_any_other_fuel_are_stopped(fuel: str) -> None:
    assert decide("3079", f"fuel={fuel}").kind is ControlKind.STOP


def test_refractories_are_taken_out_unfired_or_on_clean_fuel() -> None:
    assert decide("3089", "firing=unfired").outcome is EXEMPT
    assert decide("3089", "fuel=natural_gas").outcome is EXEMPT
    assert decide("3089", "fuel=coal;firing=fired").outcome is ORDERED
    assert decide("3089", "fuel=coal").missing == ("firing",)


def test_rock_wool_is_taken_out_by_its_furnace_and_glass_wool_by_gas_only() -> None:
    assert decide("3034", "product=rock_wool;furnace=electric").outcome is EXEMPT
    assert decide("3034", "product=rock_wool;furnace=cupola").clause == "三(一)6"
    assert decide("3061", "product=glass_wool;fuel=natural_gas").outcome is EXEMPT
    assert decide("3034", "product=glass_wool;fuel=electricity").clause == "三(一)7"
    assert decide("3061", "product=glass_fibre;fuel=coal").outcome is NOT_COVERED
    assert decide("3034", "furnace=cupola").missing == ("product",)


def test_gypsum_board_has_no_bracket() -> None:
    assert decide("3024", "product=gypsum_board;fuel=natural_gas").outcome is ORDERED
    assert decide("3024").missing == ("product",)


# 碳素


def test_carbon_is_stopped_or_halved_and_never_guessed() -> None:
    lines = [line(f"L{n}") for n in range(5)]
    assert decide("3091", "special_limit=unmet", lines).kind is ControlKind.STOP
    halved = decide("3091", "special_limit=met", lines)
    assert (halved.kind, halved.control, halved.units_allowed) == (ControlKind.LINES, Control.UNITS, 2)
    unknown = decide("3091", "", lines)
    assert (unknown.outcome, unknown.missing, unknown.item_id) == (CANNOT, ("special_limit",), None)


def test_one_carbon_line_that_fails_stops_the_enterprise() -> None:
    lines = [line("L1", "special_limit=met"), line("L2", "special_limit=unmet")]
    assert decide("3091", "", lines).kind is ControlKind.STOP
    assert decide("3091", "", [line("L1", "special_limit=met"), line("L2")]).missing == ("special_limit",)


# 原料药、农药


def test_voc_steps_are_stopped_by_their_lines() -> None:
    lines = [line("L1", "voc=yes"), line("L2", "voc=no")]
    metered = meters({"M1": (Role.LINE, "L1")})
    assert decide("2710", "", lines, metered).scope_id == "P-stop-10"
    assert decide("2710", "", lines).missing == ("meters",)
    assert decide("2710", "voc=no").outcome is NOT_COVERED
    assert decide("2710").missing == ("voc",)


def test_that_the_plant_emits_voc_does_not_stop_all_of_it() -> None:
    """Offices and boilers are no step that emits VOC: neither the plant, nor the plant less other lines."""
    assert decide("2710", "voc=yes").missing == ("meters",)
    both = [line("L1", "voc=yes"), line("L2", "voc=yes")]
    metered = meters({"M0": (Role.SUPPLY, None), "M1": (Role.LINE, "L1"), "M2": (Role.LINE, "L2")})
    assert decide("2710", "", both, metered).scope_id == "P-stop-10"
    one = [line("L1", "voc=yes"), line("L2", "voc=no")]
    assert decide("2710", "", one, metered[::2]).missing == ("meters",)


def test_pesticide_needs_organic_solvent() -> None:
    lines = [line("L1", "voc=yes"), line("L2", "voc=no")]
    metered = meters({"M1": (Role.LINE, "L1")})
    assert decide("2631", "solvent=organic", lines, metered).outcome is ORDERED
    assert decide("2632", "solvent=none", lines, metered).outcome is NOT_COVERED
    assert decide("2631", "", lines, metered).missing == ("solvent",)


# 钢铁


@pytest.mark.parametrize("industry", ["3110", "3120"])
def test_steel_is_limited_by_capacity_in_energy(industry: str) -> None:
    decision = decide(industry)
    assert (decision.kind, decision.reduction, decision.measure) == (ControlKind.LIMIT, 0.20, Measure.ENERGY)
    assert (decision.scope_id, decision.ramp_down_h) == ("P", None)


def test_only_an_enterprise_of_cold_rolling_alone_is_taken_out() -> None:
    assert decide("3130", "process=cold_rolling").outcome is EXEMPT
    assert decide("3130", "process=hot_rolling+cold_rolling").outcome is ORDERED
    assert decide("3130").missing == ("process",)
    lines = [line("L1", "process=hot_rolling"), line("L2", "process=cold_rolling")]
    assert decide("3130", "", lines).scope_id == "P"


# 铝、焦化、再生


def test_3216_is_three_trades() -> None:
    cells = [line("L1", kind="cells", units=230)]
    primary = decide("3216", "process=primary_aluminium", cells)
    assert (primary.kind, primary.units_allowed, primary.clause) == (ControlKind.CELLS, 161, "三(二)2")
    assert decide("3216", "process=alumina").clause == "三(二)3"
    secondary = decide("3216", "process=secondary_melting", [line("L1"), line("L2"), line("L3")])
    assert (secondary.kind, secondary.reduction, secondary.units_allowed) == (ControlKind.LINES, 0.50, 1)
    assert decide("3216").missing == ("process",)


@pytest.mark.parametrize("total, allowed", [(1, 0), (2, 1), (3, 2), (10, 7), (90, 63), (100, 70), (130, 91)])
def test_the_floor_of_cells_is_taken_in_decimals(total: int, allowed: int) -> None:
    decision = decide("3216", "process=primary_aluminium", [line("L1", kind="cells", units=total)])
    assert (decision.units_total, decision.units_allowed) == (total, allowed)


def test_a_potline_without_its_number_of_cells_allows_no_number() -> None:
    cells = [line("L1", kind="cells", units=100), line("L2", kind="cells")]
    decision = decide("3216", "process=primary_aluminium", cells)
    assert (decision.outcome, decision.units_allowed, decision.reduction) == (ORDERED, None, 0.30)


def test_cells_and_lines_of_one_plant_are_ordered_side_by_side() -> None:
    lines = [
        line("L1", "process=primary_aluminium", "cells", 200),
        *(line(f"L{n}", "process=alumina") for n in (2, 3, 4)),
    ]
    metered = meters({f"M{n}": (Role.LINE, f"L{n}") for n in (1, 2, 3, 4)})
    decision = decide("3216", "", lines, metered)
    assert (decision.scope_id, decision.units_allowed) == ("P-limit-2", 140)
    assert [(d.scope_id, d.units_allowed) for d in decision.also] == [("P-limit-3", 2)]


def test_coking_time_is_a_share_of_pushes() -> None:
    decision = decide("2521", "coking_h=20")
    assert (decision.kind, decision.control) == (ControlKind.COKING, Control.COKING)
    assert decision.reduction == pytest.approx(1 - 20 / 48)
    assert decide("2520", "coking_h=20", edition="2011").outcome is ORDERED
    assert decide("2521").reduction is None
    assert decide("2521", "coking_h=twenty").reduction is None
    assert decide("2521", "coking_h=60").reduction == 0


# 行业代码


@pytest.mark.parametrize(
    "industry, edition, attributes, clause",
    [
        ("3130", "2011", "fuel=coke", "三(一)2"),
        ("3130", "2017", "process=hot_rolling", "三(二)1"),
        ("3140", "2011", "process=hot_rolling", "三(二)1"),
        ("3140", "2017", "process=hot_rolling", None),
        ("3391", "2011", "fuel=coke", None),
        ("3034", "2011", "product=rock_wool;furnace=cupola", None),
        ("3035", "2011", "product=rock_wool;furnace=cupola", "三(一)6"),
        ("3032", "2011", "fuel=coal", "三(一)4"),
        ("3032", "2017", "fuel=coal", None),
        ("C3031", "2017", "product=brick", "三(一)3"),
        ("2720", "2017", "voc=yes", None),
    ],
)
def test_a_code_counts_in_its_own_edition(industry: str, edition: str, attributes: str, clause: str | None) -> None:
    decision = decide(industry, attributes, edition=edition)
    assert decision.clause == clause
    assert decision.outcome is (NOT_COVERED if clause is None else ORDERED)


def test_what_is_not_known_of_the_trade_is_told_before_all_else() -> None:
    assert decide(None, "fuel=coal").missing == ("industry",)
    assert decide("3130", "fuel=coke", edition=None).missing == ("industry_edition",)
    assert decide("303", "product=brick").missing == ("industry",)
    assert decide("3031", "product=brick", edition=None).outcome is ORDERED  # the same trade in both editions
    assert decide("3040", edition=None).outcome is NOT_COVERED


def test_words_of_the_vocabulary_are_understood_in_chinese_and_others_say_nothing() -> None:
    assert decide("3071", "燃料=天然气").outcome is EXEMPT
    assert decide("3071", "fuel=gass").missing == ("fuel",)
    assert decide("3071", "fuel=natural_gas+gass").missing == ("fuel",)
    assert decide("3071", "fuel=coal+gass").outcome is ORDERED


def test_every_deciding_attribute_is_in_the_vocabulary_with_both_labels() -> None:
    rulebook = shipped("zhengzhou-2017")
    conditions = [c for i in rulebook.items for c in (i.when, *(b.when for b in i.brackets)) if c is not None]
    names = {name for condition in conditions for name in asked(condition)} - {"industry", "industry_edition"}
    assert names <= set(rulebook.attributes)
    for attribute in rulebook.attributes.values():
        assert attribute.zh
        assert attribute.en
        assert all(zh and en for zh, en in attribute.values.values())
