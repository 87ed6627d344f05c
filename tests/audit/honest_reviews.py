"""Simulated reviews: how often honest ones are asked a question, and slips are found."""

import random
from collections.abc import Callable, Iterator
from math import exp, sqrt

from metamill.audit.beside.baseline import check_baseline
from metamill.audit.beside.digits import check_digits
from metamill.audit.beside.peers import check_peers
from metamill.audit.beside.plausible import check_plausible, check_repeated_numbers
from metamill.audit.rows import Scale
from metamill.audit.studies.overlap import check_overlap
from metamill.config.settings import Model, Outcome, Plan
from metamill.tables.selection import Selection
from metamill.tables.table import Table, TableRow

STUDIES = 10


def outcome(measure: str = "MD", **plan: object) -> Outcome:
    return Outcome("score", "score.csv", {}, (Plan("primary", Model(measure), **plan),))


def rows(*cells: dict[str, str]) -> tuple[TableRow, ...]:
    """Rows from line 2 on; a study that is not named is S2, S3 and so on, by its line."""
    return tuple(TableRow(i, {"study": f"S{i}"} | cell) for i, cell in enumerate(cells, 2))


def table(name: str, *cells: dict[str, str]) -> Table:
    columns = tuple(dict.fromkeys(["study", *(column for cell in cells for column in cell)]))
    filled = [dict.fromkeys(columns, "") | row.cells for row in rows(*cells)]
    return Table(name, columns, tuple(TableRow(i, cell) for i, cell in enumerate(filled, 2)))


def group(rng: random.Random, n: int, mean: float, sd: float, places: int) -> tuple[str, str]:
    """Mean and SD of n normal values, as printed."""
    chi2 = rng.gammavariate((n - 1) / 2, 2)
    drawn = rng.gauss(mean, sd / sqrt(n)), sd * sqrt(chi2 / (n - 1))
    shown = [f"{x:.{places}f}" for x in drawn]
    return shown[0], max(shown[1], f"{10**-places:.{places}f}")


def review(
    rng: random.Random, heterogeneity: float = 0.25, places: int | None = None
) -> tuple[TableRow, ...]:
    """Ten trials of two arms on a scale of 0 to 100; SDs differ by `heterogeneity` (log).

    Means and SDs are printed with `places` decimals, or with as many as chance says, 0 to 2.
    """
    places, drawn = rng.choice((0, 1, 2)) if places is None else places, []
    for _ in range(STUDIES):
        n = round(exp(rng.uniform(2.3, 4.8)))
        base, effect = rng.gauss(50, 8), rng.gauss(5, 3)
        sd = 12 * exp(rng.gauss(0, heterogeneity))
        (m1, s1), (m2, s2) = (group(rng, n, base + e, sd, places) for e in (effect, 0))
        drawn.append(
            {
                "mean_treatment": m1,
                "sd_treatment": s1,
                "n_treatment": str(n),
                "mean_control": m2,
                "sd_control": s2,
                "n_control": str(n),
            }
        )
    return rows(*drawn)


def asked(found: tuple[TableRow, ...]) -> set[str]:
    """The codes of the questions that an honest review is asked."""
    pooled = outcome()
    findings = [
        *(f for _, f in check_peers(found, pooled, Scale())),
        *(f for _, f in check_repeated_numbers(found, pooled, Scale())),
        *(f for row in found for f in check_plausible(row.cells, Scale(), "MD")),
    ]
    return {finding.check for finding in findings if finding.level == "question"}


def reviews_asked(times: int, heterogeneity: float) -> dict[str, float]:
    """For each code the share of honest reviews of ten trials that are asked this."""
    rng = random.Random(20)
    counts: dict[str, int] = {}
    for _ in range(times):
        for code in asked(review(rng, heterogeneity)):
            counts[code] = counts.get(code, 0) + 1
    return {code: count / times for code, count in sorted(counts.items())}


def slips_found(times: int, slip: Callable[[dict[str, str]], dict[str, str]], code: str) -> float:
    """The share of reviews in which `slip`, made in the fifth of ten trials, is asked about."""
    rng, found = random.Random(21), 0
    for _ in range(times):
        honest = list(review(rng))
        wrong = TableRow(honest[4].line, honest[4].cells | slip(honest[4].cells))
        told = check_peers([*honest[:4], wrong, *honest[5:]], outcome(), Scale())
        found += any(at == 4 and finding.check == code for at, finding in told)
    return found / times


def _sds(cells: dict[str, str], factor: Callable[[float, int], float]) -> dict[str, str]:
    n = int(cells["n_control"])
    names = ("sd_treatment", "sd_control")
    return {name: f"{max(factor(float(cells[name]), n), 0.01):.2f}" for name in names}


SLIPS: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], str]] = {
    "standard errors typed as SDs": (
        lambda cells: _sds(cells, lambda sd, n: sd / sqrt(n)),
        "sd_of_peers",
    ),
    "variances typed as SDs": (lambda cells: _sds(cells, lambda sd, n: sd**2), "sd_of_peers"),
    "centimetres among millimetres": (
        lambda cells: {
            name: f"{float(cells[name]) / 10:.3f}"
            for name in ("mean_treatment", "sd_treatment", "mean_control", "sd_control")
        },
        "unit_of_peers",
    ),
}


def share(times: int, found: Callable[[random.Random], object]) -> float:
    rng = random.Random(12)
    return sum(bool(found(rng)) for _ in range(times)) / times


def digits_asked(rng: random.Random) -> bool:
    """Sixty means of one table, printed with one decimal."""
    cells = [{"mean": f"{rng.gauss(50, 10):.1f}", "n": "30"} for _ in range(60)]
    return any(check_digits({"score.csv": table("score.csv", *cells)}))


_LETTERS = "ABCDEFGHJKLMNPQRSTWXYZ"


def _author(rng: random.Random) -> str:
    """A surname of a hundred, the first much more frequent, and one or two initials."""
    (rank,) = rng.choices(range(100), weights=[1 / (i + 3) for i in range(100)])
    surname = f"{chr(65 + rank // 10)}{'aeioubcdfg'[rank % 10]}ng"
    return f"{surname} {''.join(rng.choice(_LETTERS) for _ in range(rng.choice((1, 2, 2))))}"


def overlap_asked(rng: random.Random) -> bool:
    """Twenty studies of one country, each citing three authors, in one outcome."""
    authors = [", ".join(_author(rng) for _ in range(3)) for _ in range(20)]
    studies = table(
        "studies.csv", *({"citation": f"{a}, et al. A", "country": "C"} for a in authors)
    )
    counts = [str(rng.randint(5, 60)) for _ in authors]
    total = [str(rng.randint(60, 200)) for _ in authors]
    found = rows(*({"events": e, "total": t} for e, t in zip(counts, total, strict=True)))
    return any(check_overlap(studies, {"score": Selection("score.csv", found, ())}))


def _baseline(
    rng: random.Random, shape: Callable[[float], float], correlation: float
) -> Iterator[dict[str, str]]:
    """Ten baseline means of two randomised groups of 40, correlated within patients."""
    for name in ("A", "B"):
        patients = [rng.gauss(0, sqrt(correlation)) for _ in range(40)]
        for quantity in range(10):
            own = sqrt(1 - correlation)
            values = [shape(common + rng.gauss(0, own)) for common in patients]
            mean = sum(values) / 40
            sd = sqrt(sum((x - mean) ** 2 for x in values) / 39)
            yield {
                "study": "T",
                "quantity": f"q{quantity}",
                "group": name,
                "occasion": "baseline",
                "mean": f"{mean:.1f}",
                "sd": f"{sd:.1f}",
                "n": "40",
            }


def normal(x: float) -> float:
    return 50 + 10 * x


def skewed(x: float) -> float:
    return 20 * exp(x)


def baseline_asked(shape: Callable[[float], float], correlation: float) -> Callable[..., bool]:
    studies = table("studies.csv", {"study": "T", "design": "randomised trial"})

    def found(rng: random.Random) -> bool:
        told = table("statements.csv", *_baseline(rng, shape, correlation))
        return any(check_baseline(studies, told))

    return found


def stouffer_asked(shape: Callable[[float], float], correlation: float) -> Callable[..., bool]:
    """Ten baseline p values added by Stouffer, beyond 0.001 or 0.999: what metamill does not do."""
    from scipy.special import ndtri, stdtr

    def z(one: dict[str, str], two: dict[str, str]) -> float:
        m1, s1, m2, s2 = (float(cells[name]) for cells in (one, two) for name in ("mean", "sd"))
        t = abs(m1 - m2) / sqrt((s1**2 + s2**2) / 40)
        return float(ndtri(min(2 * stdtr(78, -t), 1 - 1e-4)))

    def found(rng: random.Random) -> bool:
        cells = list(_baseline(rng, shape, correlation))
        pairs = zip(cells[:10], cells[10:], strict=True)
        return abs(sum(z(one, two) for one, two in pairs)) / sqrt(10) > 3.0902

    return found


def measured() -> list[tuple[str, str]]:
    """The table of docs/audit/peers.md: what was simulated, and the share that is asked."""
    lines = []
    for heterogeneity, words in ((0.25, "SDs alike"), (0.5, "SDs unlike")):
        found = reviews_asked(1000, heterogeneity)
        for code in ("large_smd", "opposite_direction", "repeated_pair", "sd_of_peers"):
            lines.append((f"`{code}`, ten honest trials, {words}", found.get(code, 0.0)))
        for code in ("identical_groups", "unit_of_peers"):
            lines.append((f"`{code}`, ten honest trials, {words}", found.get(code, 0.0)))
    lines.append(("`terminal_digits`, 60 honest means", share(5000, digits_asked)))
    lines.append(("`possible_overlap`, 20 studies of one country", share(1000, overlap_asked)))
    for shape, words in ((normal, "normal"), (skewed, "log-normal")):
        for r in (0.0, 0.3):
            about = f"ten {words} baseline means, correlation {r:g}"
            asks = share(1000, baseline_asked(shape, r))
            lines.append((f"`baseline_difference`, {about}", asks))
            lines.append(
                (f"(Stouffer's sum, not used, {about})", share(1000, stouffer_asked(shape, r)))
            )
    for words, (slip, code) in SLIPS.items():
        lines.append((f"found by `{code}`: {words}", slips_found(500, slip, code)))
    return [(words, f"{100 * value:.1f} %") for words, value in lines]
