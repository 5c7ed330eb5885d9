"""The plants of the demo: invented enterprises, each derived from one of the two measured plants.

``scale`` multiplies the measured curve; ``weeks`` and ``phase`` choose and move the measured week. ``attributes`` and
``lines`` are what the office knows; the plan decides from them. ``item`` is what the plan must decide, by the item of
the rulebook: from the season's start a plant under a stop stands still, and others run at ``factor`` of their curve.
"""

from dataclasses import dataclass

COUNTIES = ("演示甲县", "演示乙县", "演示丙县")
SOURCE_MAIN, SOURCE_SMALL = "demo-city", "demo-county-c"
#: Document of the season's plan; order ids begin with it.
DOCUMENT = "郑政文〔2017〕210号"

STEEL, METAL = "steel", "metalworking"


@dataclass(frozen=True, slots=True)
class Cast:
    """One plant. ``item`` None: the season orders nothing. ``multiplier`` 1: its meter sends primary values, else
    secondary ones. ``lines``: so many equal lines without meters of their own. ``part``: what its order applies to, as
    the end of that scope's id; empty: the whole plant."""

    key: str
    name: str
    county: int
    industry: str
    template: str
    scale: float
    weeks: int
    phase: int
    item: str | None = None
    attributes: str = ""
    factor: float = 1.0
    source: str = SOURCE_MAIN
    multiplier: float = 1.0
    lines: int = 0
    part: str = ""
    is_listed: bool = True

    @property
    def plant_id(self) -> str:
        """Id of the plant and of its default scope."""
        return f"DEMO-{self.key}"

    @property
    def scope_id(self) -> str:
        """What the order of the season applies to."""
        return f"{self.plant_id}-{self.part}" if self.part else self.plant_id

    @property
    def order_id(self) -> str:
        """Id of the order that the plan must make of this plant."""
        return f"{DOCUMENT}-{self.item}-{self.scope_id}"

    @property
    def is_stopped(self) -> bool:
        """The plant stands still from the first minute of the season."""
        return self.item is not None and self.item.startswith("stop")


SMALL, BRICK, FOUNDRY = SOURCE_SMALL, "product=brick;fuel=coal", "fuel=coke;furnace=cupola"
CERAMICS, REFRACTORY = "product=ceramics;fuel=coal", "product=refractory;fuel=coal;firing=fired"
ROCK_WOOL, GYPSUM = "product=rock_wool;furnace=cupola", "product=gypsum_board"
HOT, RECYCLED = "process=hot_rolling", "process=secondary_melting"

# fmt: off
CAST: tuple[Cast, ...] = (
    Cast("S01", "演示砖瓦一厂", 0, "3031", STEEL, 1.8, 0, 0, "stop-3", BRICK),
    Cast("S02", "演示砖瓦二厂", 0, "3031", METAL, 2.0, 0, 0, "stop-3", BRICK),
    Cast("S03", "演示陶瓷一厂", 0, "3071", METAL, 3.0, -1, 2, "stop-4", CERAMICS),
    Cast("S04", "演示铸造一厂", 0, "3391", STEEL, 2.5, -2, 0, "stop-2", FOUNDRY),
    Cast("S05", "演示铸造二厂", 0, "3391", STEEL, 4.0, -3, 3, "stop-2", FOUNDRY),
    Cast("S06", "演示耐材一厂", 0, "3089", METAL, 1.5, -2, 0, "stop-5", REFRACTORY),
    Cast("S07", "演示岩棉一厂", 0, "3034", METAL, 2.2, -3, -2, "stop-6", ROCK_WOOL),
    Cast("S08", "演示石膏板一厂", 0, "3024", METAL, 1.2, 4, 0, "stop-8", GYPSUM),
    Cast("S09", "演示碳素一厂", 0, "3091", METAL, 6.0, 0, -3, "stop-9", "product=carbon;special_limit=unmet",
         multiplier=2000),
    Cast("S10", "演示水泥一厂", 0, "3011", METAL, 8.0, -1, 0, "stop-1", multiplier=3000, part="stop-1"),
    Cast("S11", "演示陶瓷二厂", 1, "3071", METAL, 1.7, 0, 4, "stop-4", CERAMICS),
    Cast("S12", "演示耐材二厂", 1, "3089", METAL, 2.6, -4, 0, "stop-5", REFRACTORY),
    Cast("S13", "演示砖瓦三厂", 1, "3031", METAL, 0.9, 4, 2, "stop-3", BRICK),
    Cast("S14", "演示铸造三厂", 1, "3392", STEEL, 1.4, 0, 1, "stop-2", "fuel=coal"),
    Cast("S15", "演示砖瓦四厂", 1, "3031", STEEL, 1.1, -1, 0, "stop-3", BRICK),
    Cast("S16", "演示岩棉二厂", 1, "3034", METAL, 2.4, -2, 0, "stop-6", ROCK_WOOL),
    Cast("S17", "演示石膏板二厂", 1, "3024", METAL, 1.3, -3, 1, "stop-8", GYPSUM),
    Cast("S18", "演示砖瓦五厂", 1, "3031", STEEL, 1.6, 2, 0, "stop-3", BRICK),
    Cast("S19", "演示铸造四厂", 1, "3391", METAL, 2.1, 0, -1, "stop-2", FOUNDRY),
    Cast("S20", "演示陶瓷三厂", 1, "3072", STEEL, 2.0, -3, 0, "stop-4", CERAMICS),
    Cast("S21", "演示砖瓦六厂", 2, "3031", METAL, 1.0, -1, 0, "stop-3", part="1"),
    Cast("S22", "演示耐材三厂", 2, "3089", STEEL, 3.0, 3, 2, "stop-5", REFRACTORY),
    Cast("S23", "演示玻璃棉一厂", 2, "3061", METAL, 2.8, -2, 0, "stop-7", "product=glass_wool;fuel=coal"),
    Cast("S24", "演示水泥二厂", 2, "3011", STEEL, 12.0, -4, 0, "stop-1", "process=clinker", multiplier=12000),
    Cast("S25", "演示铸造五厂", 2, "3392", STEEL, 2.2, 4, -2, "stop-2", "furnace=electric;emission=unstable"),
    Cast("L01", "演示钢铁一厂", 0, "3120", STEEL, 30.0, 0, 0, "limit-1", factor=0.50, multiplier=24000),
    Cast("L02", "演示钢铁二厂", 0, "3120", STEEL, 22.0, 0, 2, "limit-1", factor=0.50, multiplier=20000),
    Cast("L03", "演示轧钢一厂", 0, "3130", STEEL, 9.0, -3, 0, "limit-1", HOT, 0.60, multiplier=6000),
    Cast("L04", "演示碳素二厂", 0, "3091", METAL, 5.0, 0, 0, "limit-4", "product=carbon;special_limit=met", 0.34,
         lines=4),
    Cast("L05", "演示再生铝一厂", 0, "3240", METAL, 4.0, -1, 1, "limit-6", RECYCLED, 0.34, lines=4),
    Cast("L06", "演示钢铁三厂", 1, "3110", STEEL, 18.0, -4, -1, "limit-1", factor=0.45, multiplier=18000),
    Cast("L07", "演示轧钢二厂", 1, "3130", STEEL, 6.0, -3, 4, "limit-1", HOT, 0.60, multiplier=6000),
    Cast("L08", "演示轧钢三厂", 2, "3130", STEEL, 7.5, -2, 0, "limit-1", HOT, 0.45, SMALL, 6000),
    Cast("L09", "演示钢铁四厂", 2, "3120", STEEL, 16.0, 0, 3, "limit-1", "", 0.45, SMALL, 12000),
    Cast("L10", "演示再生铝二厂", 2, "3240", METAL, 3.5, -3, 0, "limit-6", RECYCLED, 0.34, SMALL, lines=4),
    Cast("L11", "演示再生铅一厂", 2, "3212", METAL, 4.5, 4, 0, "limit-6", RECYCLED, 0.34, SMALL, lines=6),
    Cast("S26", "演示砖瓦七厂", 2, "3031", METAL, 1.4, -3, 0, "stop-3", BRICK, source=SMALL),
    Cast("L12", "演示再生铜一厂", 1, "3211", METAL, 3.2, -4, 0, "limit-6", RECYCLED, 0.32, multiplier=80, lines=4),
    Cast("L13", "演示钢铁五厂", 1, "3120", STEEL, 14.0, -3, 0, "limit-1", factor=0.60, multiplier=100),
    Cast("L14", "演示轧钢四厂", 1, "3130", METAL, 10.0, -2, 2, "limit-1", HOT, 0.48),
    Cast("L15", "演示钢铁六厂", 2, "3120", STEEL, 25.0, -3, -2, "limit-1", factor=0.45, multiplier=24000),
    Cast("L16", "演示轧钢五厂", 2, "3130", METAL, 7.0, 0, 0, "limit-1", HOT, 0.48, multiplier=1200),
    Cast("L17", "演示钢铁七厂", 2, "3110", STEEL, 11.0, -2, 2, "limit-1", factor=0.45, multiplier=12000),
    Cast("U01", "演示氧化铝一厂", 0, "3216", METAL, 9.0, 0, 0, "limit-3", "process=alumina"),
    Cast("K01", "演示焦化一厂", 1, "2521", METAL, 6.0, -1, 0, "limit-5", "process=coking;coking_h=24"),
    Cast("C01", "演示水泥三厂", 0, "3011", METAL, 5.0, -2, 0, "livelihood", "process=clinker;livelihood=waste", 0.5),
    Cast("C02", "演示钢铁八厂", 1, "3120", METAL, 4.2, -3, 0, "livelihood", "livelihood=heating", 0.5),
    Cast("N01", "演示机械一厂", 0, "3425", METAL, 1.0, 0, 0, is_listed=False),
    Cast("N02", "演示机械二厂", 1, "3425", METAL, 1.6, -1, 3, is_listed=False),
    Cast("N03", "演示冷轧一厂", 2, "3130", STEEL, 3.0, -2, 0, attributes="process=cold_rolling", is_listed=False),
    Cast("N04", "演示粉磨站一厂", 2, "3011", STEEL, 5.0, 0, 0, attributes="process=grinding", is_listed=False),
    Cast("N05", "演示电炉铸造一厂", 2, "3391", METAL, 4.0, -1, 1, is_listed=False,
         attributes="fuel=electricity;furnace=electric;emission=stable"),
    Cast("N06", "演示矿棉一厂", 1, "3034", METAL, 1.1, -2, 2, attributes="furnace=cupola"),
    Cast("N07", "演示砖瓦八厂", 0, "3031", STEEL, 1.3, -4, 1, attributes=BRICK, is_listed=False),
)
# fmt: on
BY_KEY = {c.key: c for c in CAST}
