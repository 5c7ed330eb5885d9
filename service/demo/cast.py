"""The plants of the demo: invented enterprises, each derived from one of the two measured plants.

``scale`` multiplies the measured curve; ``weeks`` and ``phase`` choose and move the measured week; under an order the
curve is that of standstill (``stop``) or the working curve times ``factor`` (``limit``, ``cap``).
"""

from dataclasses import dataclass

from detectors.vocab import Control, Measure

COUNTIES = ("演示甲县", "演示乙县", "演示丙县")
SOURCE_MAIN, SOURCE_SMALL = "demo-city", "demo-county-c"

STEEL, METAL = "steel", "metalworking"
POWER = Measure.POWER
STOP, LIMIT, CAP, UNITS, COKING = Control.STOP, Control.LIMIT, Control.CAP, Control.UNITS, Control.COKING


@dataclass(frozen=True, slots=True)
class Cast:
    """One plant. ``multiplier`` 1: its meter sends primary values, else secondary ones."""

    key: str
    name: str
    county: int
    industry: str
    template: str
    scale: float
    weeks: int
    phase: int
    control: Control | None = None
    reduction: float | None = None
    factor: float = 1.0
    measure: Measure | None = None
    cap_share: float | None = None  # of running_kw
    clause: str | None = None
    source: str = SOURCE_MAIN
    multiplier: float = 1.0
    attributes: str = ""

    @property
    def plant_id(self) -> str:
        """Id of the plant and of its default scope."""
        return f"DEMO-{self.key}"

    @property
    def order_id(self) -> str:
        """Id of the order of the plan on this plant."""
        return f"郑政文〔2017〕210号-{self.key}"

    @property
    def is_stopped(self) -> bool:
        """The plant stands still from the first minute of the season."""
        return self.control is STOP


def _stop(
    key: str,
    name: str,
    county: int,
    industry: str,
    template: str,
    scale: float,
    weeks: int,
    phase: int,
    clause: int,
    *,
    multiplier: float = 1.0,
    source: str = SOURCE_MAIN,
    attributes: str = "",
) -> Cast:
    return Cast(
        key,
        name,
        county,
        industry,
        template,
        scale,
        weeks,
        phase,
        STOP,
        clause=f"三(一){clause}",
        multiplier=multiplier,
        source=source,
        attributes=attributes,
    )


def _limit(
    key: str,
    name: str,
    county: int,
    industry: str,
    template: str,
    scale: float,
    weeks: int,
    phase: int,
    reduction: float,
    factor: float,
    clause: int,
    *,
    multiplier: float = 1.0,
    source: str = SOURCE_MAIN,
    measure: Measure = Measure.ENERGY,
    attributes: str = "",
) -> Cast:
    return Cast(
        key,
        name,
        county,
        industry,
        template,
        scale,
        weeks,
        phase,
        LIMIT,
        reduction,
        factor,
        measure,
        clause=f"三(二){clause}",
        multiplier=multiplier,
        source=source,
        attributes=attributes,
    )


# fmt: off
CAST: tuple[Cast, ...] = (
    _stop("S01", "演示砖瓦一厂", 0, "3031", STEEL, 1.8, 0, 0, 3, attributes="fuel=coal"),
    _stop("S02", "演示砖瓦二厂", 0, "3031", METAL, 2.0, 0, 0, 3, attributes="fuel=coal"),
    _stop("S03", "演示陶瓷一厂", 0, "3071", METAL, 3.0, -1, 2, 4, attributes="fuel=coal"),
    _stop("S04", "演示铸造一厂", 0, "3391", STEEL, 2.5, -2, 0, 2, attributes="fuel=coke"),
    _stop("S05", "演示铸造二厂", 0, "3391", STEEL, 4.0, -3, 3, 2, attributes="fuel=coke"),
    _stop("S06", "演示耐材一厂", 0, "3089", METAL, 1.5, -2, 0, 5, attributes="fuel=coal"),
    _stop("S07", "演示岩棉一厂", 0, "3034", METAL, 2.2, -3, -2, 6),
    _stop("S08", "演示石膏板一厂", 0, "3024", METAL, 1.2, 4, 0, 8),
    _stop("S09", "演示碳素一厂", 0, "3091", METAL, 6.0, 0, -3, 9, multiplier=2000, attributes="carbon=poor"),
    _stop("S10", "演示水泥一厂", 0, "3011", METAL, 8.0, -1, 0, 1, multiplier=3000, attributes="process=both"),
    _stop("S11", "演示陶瓷二厂", 1, "3071", METAL, 1.7, 0, 4, 4, attributes="fuel=coal"),
    _stop("S12", "演示耐材二厂", 1, "3089", METAL, 2.6, -4, 0, 5, attributes="fuel=coal"),
    _stop("S13", "演示砖瓦三厂", 1, "3031", METAL, 0.9, 4, 2, 3, attributes="fuel=coal"),
    _stop("S14", "演示铸造三厂", 1, "3392", STEEL, 1.4, 0, 1, 2, attributes="fuel=coal"),
    _stop("S15", "演示砖瓦四厂", 1, "3031", STEEL, 1.1, -1, 0, 3, attributes="fuel=coal"),
    _stop("S16", "演示岩棉二厂", 1, "3034", METAL, 2.4, -2, 0, 6),
    _stop("S17", "演示石膏板二厂", 1, "3024", METAL, 1.3, -3, 1, 8),
    _stop("S18", "演示砖瓦五厂", 1, "3031", STEEL, 1.6, 2, 0, 3, attributes="fuel=coal"),
    _stop("S19", "演示铸造四厂", 1, "3391", METAL, 2.1, 0, -1, 2, attributes="fuel=coke"),
    _stop("S20", "演示陶瓷三厂", 1, "3072", STEEL, 2.0, -3, 0, 4, attributes="fuel=coal"),
    _stop("S21", "演示砖瓦六厂", 2, "3031", METAL, 1.0, -1, 0, 3, attributes="fuel=coal"),
    _stop("S22", "演示耐材三厂", 2, "3089", STEEL, 3.0, 3, 2, 5, attributes="fuel=coal"),
    _stop("S23", "演示玻璃棉一厂", 2, "3061", METAL, 2.8, -2, 0, 7, attributes="fuel=coal"),
    _stop("S24", "演示水泥二厂", 2, "3011", STEEL, 12.0, -4, 0, 1, multiplier=12000, attributes="process=clinker"),
    _stop("S25", "演示铸造五厂", 2, "3392", STEEL, 2.2, 4, -2, 2, attributes="fuel=coal"),
    _limit("L01", "演示钢铁一厂", 0, "3120", STEEL, 30.0, 0, 0, 0.2, 0.50, 1, multiplier=24000),
    _limit("L02", "演示钢铁二厂", 0, "3120", STEEL, 22.0, 0, 2, 0.2, 0.50, 1, multiplier=20000),
    _limit("L03", "演示轧钢一厂", 0, "3130", STEEL, 9.0, -3, 0, 0.2, 0.60, 1, multiplier=6e3, attributes="rolling=hot"),
    _limit("L04", "演示碳素二厂", 0, "3091", METAL, 5.0, 0, 0, 0.5, 0.34, 4, measure=POWER, attributes="carbon=good"),
    _limit("L05", "演示再生铝一厂", 0, "3240", METAL, 4.0, -1, 1, 0.3, 0.45, 6, measure=POWER),
    _limit("L06", "演示钢铁三厂", 1, "3110", STEEL, 18.0, -4, -1, 0.2, 0.45, 1, multiplier=18000),
    _limit("L07", "演示轧钢二厂", 1, "3130", STEEL, 6.0, -3, 4, 0.2, 0.60, 1, multiplier=6e3, attributes="rolling=hot"),
    _limit("L08", "演示轧钢三厂", 2, "3130", STEEL, 7.5, -2, 0, 0.2, 0.45, 1, source=SOURCE_SMALL, multiplier=6000),
    _limit("L09", "演示钢铁四厂", 2, "3120", STEEL, 16.0, 0, 3, 0.2, 0.50, 1, source=SOURCE_SMALL, multiplier=12000),
    _limit("L10", "演示再生铝二厂", 2, "3240", METAL, 3.5, -3, 0, 0.5, 0.34, 6, source=SOURCE_SMALL, measure=POWER),
    _limit("L11", "演示再生铅一厂", 2, "3212", METAL, 4.5, 4, 0, 0.5, 0.34, 6, source=SOURCE_SMALL, measure=POWER),
    _stop("S26", "演示砖瓦七厂", 2, "3031", METAL, 1.4, -3, 0, 3, source=SOURCE_SMALL, attributes="fuel=coal"),
    _limit("L12", "演示再生铜一厂", 1, "3211", METAL, 3.2, -4, 0, 0.5, 0.32, 6, multiplier=80),
    _limit("L13", "演示钢铁五厂", 1, "3120", STEEL, 14.0, -3, 0, 0.2, 0.60, 1, multiplier=100),
    _limit("L14", "演示轧钢四厂", 1, "3130", METAL, 10.0, -2, 2, 0.2, 0.48, 1),
    _limit("L15", "演示钢铁六厂", 2, "3120", STEEL, 25.0, -3, -2, 0.2, 0.60, 1, multiplier=24000),
    _limit("L16", "演示轧钢五厂", 2, "3130", METAL, 7.0, 0, 0, 0.2, 0.48, 1, multiplier=1200),
    _limit("L17", "演示钢铁七厂", 2, "3110", STEEL, 11.0, -2, 2, 0.2, 0.45, 1, multiplier=12000),
    Cast("U01", "演示氧化铝一厂", 0, "3216", METAL, 9.0, 0, 0, UNITS, clause="三(二)3", factor=0.7),
    Cast("K01", "演示焦化一厂", 1, "2521", METAL, 6.0, -1, 0, COKING, clause="三(二)5"),
    Cast("C01", "演示热电一厂", 0, "4430", METAL, 5.0, -2, 0, CAP, factor=0.5, cap_share=0.8, clause="三(一)"),
    Cast("C02", "演示热电二厂", 1, "4430", METAL, 4.2, -3, 0, CAP, factor=0.5, cap_share=0.8, clause="三(一)"),
    Cast("N01", "演示机械一厂", 0, "3425", METAL, 1.0, 0, 0),
    Cast("N02", "演示机械二厂", 1, "3425", METAL, 1.6, -1, 3),
    Cast("N03", "演示冷轧一厂", 2, "3130", STEEL, 3.0, -2, 0, attributes="rolling=cold"),
    Cast("N04", "演示粉磨站一厂", 2, "3011", STEEL, 5.0, 0, 0, attributes="process=grinding"),
)
# fmt: on
BY_KEY = {c.key: c for c in CAST}
