"""The implementations that every case and comparison runs against."""

from tests.cases.fast import fast
from tests.oracles.judge import judge as oracle
from tests.oracles.rows import Judge

#: Name and implementation; a fast one joins by one line here.
JUDGES: list[tuple[str, Judge]] = [
    ("oracle", oracle),
    ("fast", fast),
]
