"""Thresholds that an office may have set, for random worlds. Values are crooked, so that no load meets one exactly."""

from hypothesis import strategies as st

from detectors.registry import ALWAYS, FOREVER, Threshold

#: What is drawn of each kind. An import refuses n above m: no n here is above an m here, or above the default.
VALUES: dict[tuple[str, str], tuple[float, ...]] = {
    ("stop_run", "n_min"): (15, 30, 50),
    ("stop_run", "m_min"): (60, 90, 120),
    ("stop_run", "margin"): (0, 0.0713, 0.1337),
    ("stop_run", "grace_h"): (0, 1.5, 9),
    ("stop_run", "unknown_low"): (0.0513, 0.2117),
    ("stop_run", "unknown_high"): (0.3319, 0.7013),
    ("stop_day", "factor"): (1.0003, 1.7003),
    ("hours_over", "over_min"): (45, 150, 480),
    ("limit_slot", "n_min"): (15, 45),
    ("limit_slot", "m_min"): (90, 105),
    ("limit_slot", "tolerance"): (0, 0.1113),
    ("limit_day", "tolerance"): (0, 0.1117),
    ("limit_pace", "used_share"): (0, 0.5013),
    ("cap_abs", "n_min"): (15, 45, 60),
    ("cap_abs", "m_min"): (60, 120),
    ("cap_abs", "tolerance"): (0, 0.0911),
    ("units_over", "n_min"): (15, 60),
    ("units_over", "m_min"): (60, 100),
    ("offline", "open_min"): (30, 60),
    ("offline", "escalate_min"): (100, 180, 2000),
    ("offline", "near_start_h"): (0, 1.5),
    ("offline", "day_missing_min"): (60, 600),
    ("bad_data", "capacity_factor"): (1, 1.2, 3),
    ("feed_down", "evidence_share"): (0, 0.35, 0.6),
    ("feed_down", "plants"): (1, 2),
    ("closing", "below_min"): (15, 60, 120),
    ("closing", "below_share"): (0.5013, 1),
    ("baseline", "low_confidence"): (0.0513, 0.5),
    ("baseline", "errors"): (0, 0.3017, 2.5003),
    ("over_capacity", "factor"): (1.0003, 1.3001),
    ("over_capacity", "n_min"): (15, 60),
    ("over_capacity", "m_min"): (90, 105),
    ("step_up", "jump"): (0.2513, 0.6007),
    ("step_up", "back"): (0.0513, 0.2503),
    ("step_up", "hold_min"): (30, 105),
    ("night_run", "begin_h"): (22.5, 23.1, 24),
    ("night_run", "end_h"): (1, 4.6, 7.25, 12),
    ("night_run", "margin"): (0.0213, 0.1501),
    ("night_run", "sigmas"): (0, 1.5),
    ("shift", "drop"): (0.1013, 0.6017),
    ("shift", "total"): (0.0213, 0.3019),
    ("shift", "least"): (0, 0.3023),
    ("shift", "taken"): (0.2017, 1.0003),
    ("shift", "sigma"): (0, 1.0007),
    ("treatment_off", "running"): (0.0513, 0.4019),
    ("treatment_off", "off"): (0.0511, 0.3017),
    ("treatment_off", "n_min"): (15, 30, 60),
    ("treatment_off", "m_min"): (60, 100),
    ("treatment_off", "clear_min"): (15, 60, 120),
}
#: Of meters and sources, which belong to no one scope.
FOR_ALL = (("bad_data", "capacity_factor"), ("feed_down", "evidence_share"), ("feed_down", "plants"))


@st.composite
def thresholds(draw: st.DrawFn, scope_ids: list[str], begin: int, end: int) -> tuple[Threshold, ...]:
    """None, or some kinds: for all or for a scope, at all times or in turn, from any hour of the world on."""
    rows = []
    for kind in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=8, unique=True)) if draw(st.booleans()) else ():
        for whose in (None, draw(st.sampled_from(scope_ids))):
            if (whose is not None and kind in FOR_ALL) or draw(st.booleans()):
                continue
            one, other = (draw(st.sampled_from(VALUES[kind])) for _ in range(2))
            change = begin + draw(st.integers(0, (end - begin) // 3600)) * 3600
            shape = draw(st.sampled_from(["all", "from", "until", "in turn"]))
            if shape in ("all", "until", "in turn"):
                rows.append(Threshold(*kind, one, "office", whose, ALWAYS, FOREVER if shape == "all" else change))
            if shape in ("from", "in turn"):
                rows.append(Threshold(*kind, other, "office, later", whose, change))
    return tuple(rows)
