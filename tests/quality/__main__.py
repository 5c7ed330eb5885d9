"""``make quality``: lays orders over measured data, judges them, and says how well (docs/quality.md)."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests.quality import one_case, page, report
from tests.quality.festival import Festival, festivals
from tests.quality.kinds import CASE_KINDS, FIRST_EVALUATION_SEED
from tests.quality.natural import nature_of
from tests.quality.plants import other_plant
from tests.quality.rivals import rivals
from tests.quality.run import Results, daily_data, enterprise_sample, evaluate, real_sites
from tests.quality.sites import shipped_sites


def main() -> int:
    """Exit 0 when all targets are met, 1 when one is not, 2 on bad usage."""
    options = _options()
    if options.case:
        return one_case.show(options.case)
    results = Results()
    seeds, others = options.seeds, rivals() if options.rivals else ()
    kinds = [k for k in CASE_KINDS if not options.kinds or k.name in options.kinds]
    for nature in real_sites():
        _progress(nature.site.name)
        evaluate(results, nature, seeds, others, kinds)
    data = daily_data()
    years: list[Festival] = []
    if data is not None:
        _progress("enterprises")
        for seed in seeds:
            evaluate(results, nature_of(enterprise_sample(data, seed)), [seed], others, kinds)
        if options.festival:
            _progress("春节")
            years = festivals(data)
    for number in range(min(seeds), min(seeds) + options.plants):
        nature = nature_of(other_plant(shipped_sites(), number))
        _progress(nature.site.name)
        evaluate(results, nature, range(number, number + options.plant_seeds), (), kinds)
    made_by = " ".join(["python -m tests.quality", *sys.argv[1:]])
    report.write_json(options.out, results, years, made_by, seeds)
    for line in page.summary(results, years):
        print(line)
    if options.write_docs:
        page.write(results, years, made_by)
    return 0 if all(t.met for t in report.targets(results, years)) else 1


def _progress(what: str) -> None:
    sys.stderr.write(f"quality: {what}\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description="How good are the verdicts?")
    parser.add_argument("--seeds", default=f"{FIRST_EVALUATION_SEED}-{FIRST_EVALUATION_SEED + 39}", help="%(default)s")
    parser.add_argument("--kinds", default="", help="kinds of case, separated by commas; default: all")
    parser.add_argument("--plants", type=int, default=16, help="transformed plants, reported apart")
    parser.add_argument("--plant-seeds", type=int, default=3, help="seeds of each of them")
    parser.add_argument("--no-rivals", dest="rivals", action="store_false", help="the product alone")
    parser.add_argument("--no-festival", dest="festival", action="store_false", help="leave 春节 out")
    parser.add_argument("--case", help="show one case: SITE:KIND:SEED, as the list of the worst names it")
    parser.add_argument("--out", type=Path, default=Path("build/quality.json"))
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/quality.md")
    options = parser.parse_args()
    try:
        options.seeds = seeds_of(options.seeds)
    except ValueError as error:
        parser.error(f"--seeds: {error}")
    options.kinds = [k for k in options.kinds.split(",") if k]
    if unknown := set(options.kinds) - {k.name for k in CASE_KINDS}:
        parser.error(f"--kinds: there is no {', '.join(sorted(unknown))}")
    return options


def seeds_of(text: str) -> Sequence[int]:
    """``1000-1099``, both included, or one number. Development below 1000, evaluation above: never both."""
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise ValueError(f"seeds {text!r}: write 1000-1099, or 12")
    seeds = range(int(first), int(last or first) + 1)
    if not seeds or seeds[0] < FIRST_EVALUATION_SEED <= seeds[-1]:
        raise ValueError(f"seeds {text!r}: upwards, and all below {FIRST_EVALUATION_SEED} or none")
    return seeds


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    sys.exit(main())
