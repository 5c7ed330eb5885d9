"""Which treatment equipment (治污设施) belongs to which production: pairs of meters (DOMAIN §5 `treatment_off`).

A line's treatment meters and its production meters (role `production`, else `line`) are a pair; so are those of a plant
that name no line. A pair in which a meter has no contract_kw has no rated load, and nothing is judged.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry import Meter, Registry
from detectors.vocab import Role

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Pairs of a plant that are told apart; those beyond share the last place.
PLACES = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """Meters that belong together. line_id: None for what a plant has beside its lines."""

    plant_id: str
    line_id: str | None
    production: tuple[Meter, ...]
    treatment: tuple[Meter, ...]

    @property
    def meters(self) -> tuple[Meter, ...]:
        """All of them."""
        return self.production + self.treatment

    @property
    def is_rated(self) -> bool:
        """Whether every meter has a contract_kw above 0."""
        return all(m.contract_kw is not None and m.contract_kw > 0 for m in self.meters)


@dataclass(frozen=True, slots=True)
class TreatmentPairs:
    """P rated pairs, sorted by the default scope of their plant; H rows of their meters, sorted by pair."""

    scope: I64  # [P] row of the scope
    place: I64  # [P] 0..PLACES - 1 among those of its scope
    of_pair: I64  # [H]
    meter: I64  # [H] row of the registry's meters
    is_treatment: Bool  # [H]
    rated_kw: F64  # [H] contract_kw
    meter_from: I64  # [H]
    meter_to: I64  # [H]


def pairs_of(registry: Registry) -> list[Pair]:
    """All pairs, rated or not, by plant and line. A line with treatment and no production meter has none."""
    treated = {m.plant_id for m in registry.meters if m.role == Role.TREATMENT}
    found: dict[tuple[str, str], dict[Role, list[Meter]]] = defaultdict(lambda: defaultdict(list))
    for meter in registry.meters if treated else ():
        if meter.plant_id in treated and meter.role in (Role.TREATMENT, Role.PRODUCTION, Role.LINE):
            found[meter.plant_id, meter.line_id or ""][meter.role].append(meter)
    pairs = []
    for (plant_id, line_id), of_role in sorted(found.items()):
        production, treatment = of_role[Role.PRODUCTION] or of_role[Role.LINE], of_role[Role.TREATMENT]
        if production and treatment:
            pairs.append(Pair(plant_id, line_id or None, _sorted(production), _sorted(treatment)))
    return pairs


def _sorted(meters: Sequence[Meter]) -> tuple[Meter, ...]:
    return tuple(sorted(meters, key=lambda m: m.meter_id))


def treatment_pairs(registry: Registry, scope_row: Mapping[str, int], meter_row: Mapping[str, int]) -> TreatmentPairs:
    """Compile the rated pairs. registry: with default scopes."""
    pairs = sorted((p for p in pairs_of(registry) if p.is_rated), key=lambda p: scope_row[p.plant_id])
    scope = np.array([scope_row[p.plant_id] for p in pairs], np.int64)
    place = np.arange(len(pairs)) - np.searchsorted(scope, scope)
    told = [(i, m, m.role == Role.TREATMENT) for i, pair in enumerate(pairs) for m in pair.meters]
    return TreatmentPairs(
        scope,
        np.minimum(place, PLACES - 1),
        np.array([i for i, _, _ in told], np.int64),
        np.array([meter_row[m.meter_id] for _, m, _ in told], np.int64),
        np.array([is_treatment for _, _, is_treatment in told], np.bool_),
        np.array([m.contract_kw for _, m, _ in told], np.float64),
        np.array([m.valid_from for _, m, _ in told], np.int64),
        np.array([m.valid_to for _, m, _ in told], np.int64),
    )
