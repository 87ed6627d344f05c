"""Results to draw, made up for the tests: they belong to no study."""

from dataclasses import replace

from metamill.config.settings import Display
from metamill.explored.common import LeftOut
from metamill.explored.subgroups import SubgroupTest
from metamill.results import Analysis, Effect, MeasureText, Pooled, Result, StudyRow

PLO = MeasureText("PLO", "logit proportion", "proportion", "proportion", None, False)
OR = MeasureText("OR", "log odds ratio", "odds ratio", "ratio", 1.0, True)
MC = MeasureText("MC", "mean change", "mean change", "change", 0.0, False)
MD = MeasureText("MD", "mean difference", "mean difference", "difference", 0.0, False)
GLMM = {
    "measure": "PLO", "method": "GLMM", "test": "t", "level": 95.0, "prediction": True,
    "correlation": 0.5, "add": 0.5, "to": "only0",
}  # fmt: skip
REML = GLMM | {"method": "REML", "test": "adhoc"}


def result(
    measure: MeasureText,
    studies: list[tuple[str, dict[str, str], Effect]],
    pooled: Pooled,
    model: dict[str, object],
    left_out: tuple[tuple[str, dict[str, str], str], ...] = (),
    **more: object,
) -> Result:
    """A result whose primary analysis pools `studies` and leaves out `left_out`."""
    labels = [*((label, cells) for label, cells, _ in studies), *(item[:2] for item in left_out)]
    rows = tuple(
        StudyRow(label.upper().replace(" ", ""), label, line, cells)
        for line, (label, cells) in enumerate(labels, start=2)
    )
    effects = tuple(replace(effect, row=row) for row, (_, _, effect) in enumerate(studies))
    left = tuple(LeftOut(len(studies) + i, item[2]) for i, item in enumerate(left_out))
    primary = Analysis("primary", model, effects, pooled, left, totals=totals(studies))
    analyses = (primary, *more.pop("subgroups", ()))  # type: ignore[misc]
    return Result(
        "outcome",
        "table.csv",
        more.pop("unit", "screw"),
        measure,
        model,
        rows,
        analyses,
        **more,  # type: ignore[arg-type]
    )


def totals(studies: list[tuple[str, dict[str, str], Effect]]) -> dict[str, float]:
    """The sums of the columns that count."""
    counting = ("events", "total", "time", "n")
    sums: dict[str, float] = {}
    for _, cells, _ in studies:
        for name, cell in cells.items():
            if name.partition("_")[0] in counting:
                sums[name] = sums.get(name, 0.0) + float(cell)
    return sums


def effect(
    estimate: float,
    low: float,
    high: float,
    weight: float | None = None,
    flags: tuple[str, ...] = (),
) -> Effect:
    return Effect(0, estimate, 0.1, estimate, low, high, weight, flags=flags)


def counts(events: int, total: int) -> dict[str, str]:
    return {"events": str(events), "total": str(total)}


def screws() -> Result:
    """Eight series of screws with a GLMM, two flags, and two rows that are not pooled."""
    numbers = (
        ("Alpha 2020", 3, 336, 0.00893, 0.00304, 0.0259, 17.1, ()),
        ("Beta 2015", 1, 157, 0.00637, 0.00113, 0.0352, 10.2, ()),
        ("Gamma 2022", 0, 124, 0.0, 0.0, 0.03, 6.5, ("implied zero",)),
        ("Delta 2017", 4, 98, 0.0408, 0.016, 0.1002, 16.4, ()),
        ("Epsilon 2024", 9, 254, 0.0354, 0.0188, 0.066, 21.9, ("derived from percent",)),
        ("Zeta 2000", 1, 64, 0.0156, 0.0028, 0.0834, 9.8, ()),
        ("Eta 2015", 2, 210, 0.0095, 0.0026, 0.0341, 13.5, ()),
        ("Small series 2009", 1, 9, 0.1111, 0.0199, 0.435, 4.6, ("implied zero", "assumed unit")),
    )
    studies = [
        (label, counts(x, n), effect(p, low, high, weight, flags))
        for label, x, n, p, low, high, weight, flags in numbers
    ]
    pooled = Pooled(
        8, n=1252, events=21, estimate=0.0163, ci_low=0.0074, ci_high=0.0355, pi_low=0.0021,
        pi_high=0.1143, mu=-4.1, se=0.35, mu_low=-4.9, mu_high=-3.3, tau2=0.52, tau2_low=0.0,
        tau2_high=3.4, tau=0.721, i2=48.2, i2_low=0.0, i2_high=86.1, h2=1.93, q=13.87, q_df=7,
        q_p=0.0535, q_test="likelihood ratio", marginal=0.0205, weights="approximate",
        notes=("implied zero in 2 of 8 rows",),
    )  # fmt: skip
    left = (
        ("Theta 2019", counts(2, 172), "patients may overlap with Alpha 2020; the larger is kept"),
        ("Early 1999", counts(1, 16), "loose at the end of the operation, not at follow-up"),
    )
    return result(PLO, studies, pooled, GLMM, left, not_reported=("A", "B"))


def changes() -> Result:
    """Four series with a score before and after: negative effects, a doubtful prediction."""
    numbers = (
        ("Pi 2021", "32", "7.97", "0.74", "2.34", "1.59", -5.63, -6.11, -5.15, 25.0),
        ("Gamma 2022", "37", "4.30", "1.58", "0.30", "0.70", -4.0, -4.44, -3.56, 25.3),
        ("Lambda 2009", "37", "7.87", "0.95", "2.30", "1.61", -5.57, -6.02, -5.12, 25.2),
        ("Mu series 2023", "15", "6.0", "1.2", "0.5", "0.6", -5.5, -6.03, -4.97, 24.5),
    )
    names = ("n", "mean_pre", "sd_pre", "mean_post", "sd_post")
    studies = [
        (
            label,
            dict(zip(names, cells, strict=True)),
            effect(y, low, high, weight, ("assumed r = 0.5",)),
        )
        for label, *cells, y, low, high, weight in numbers
    ]
    pooled = Pooled(
        4, n=121, estimate=-5.17, ci_low=-6.43, ci_high=-3.91, pi_low=-7.88, pi_high=-2.46,
        pi_doubtful=True, p_value=0.00101, tau2=0.5687, tau2_low=0.1421, tau2_high=8.512,
        tau=0.7541, i2=91.4, i2_low=71.1, i2_high=99.3, q=34.88, q_df=3, q_p=1.3e-7,
        notes=("fewer than five studies: the prediction interval is unreliable",),
    )  # fmt: skip
    left = (("Nu 2021", {"n": "30"}, "the printed SDs are impossible for the ranges"),)
    return result(MC, studies, pooled, REML, left, unit="patient")


def arms(x1: int, n1: int, x0: int, n0: int) -> dict[str, str]:
    return {
        "events_treatment": str(x1), "total_treatment": str(n1),
        "events_control": str(x0), "total_control": str(n0),
    }  # fmt: skip


def odds() -> Result:
    """Two trials on a log axis: the interval from one degree of freedom reaches far outside."""
    studies = [
        ("Theta 2019", arms(2, 172, 8, 152), effect(0.212, 0.0442, 1.013, 41.0)),
        (
            "Alpha 2020",
            arms(0, 336, 33, 390),
            effect(0.0161, 0.00098, 0.2637, 59.0, ("continuity correction",)),
        ),
    ]
    pooled = Pooled(
        2, n=1050, events=43, estimate=0.0741, ci_low=0.0000021, ci_high=2612.0, p_value=0.3113,
        tau2=2.1, tau2_low=0.0, tau2_high=None, tau=1.45, i2=60.4, q=2.52, q_df=1, q_p=0.112,
        notes=("two studies: no prediction interval", "continuity correction in 1 of 2 rows"),
    )  # fmt: skip
    return result(OR, studies, pooled, REML)


def one_study() -> Result:
    pooled = Pooled(
        1, n=40, events=0, pooled=False, estimate=0.0, ci_low=0.0, ci_high=0.0876,
        notes=("one study: its own result, nothing is pooled",),
    )  # fmt: skip
    studies = [("Iota 2023", counts(0, 40), effect(0.0, 0.0, 0.0876))]
    return result(PLO, studies, pooled, GLMM, unit="patient")


def all_zero() -> Result:
    studies = [
        ("Iota 2023", counts(0, 40), effect(0.0, 0.0, 0.0876)),
        ("Kappa 2018", counts(0, 10), effect(0.0, 0.0, 0.2775)),
    ]
    note = "no study has an event: no model can be fitted, the limits are exact ones of the total"
    pooled = Pooled(
        2, n=50, events=0, pooled=False, estimate=0.0, ci_low=0.0, ci_high=0.0711, notes=(note,)
    )
    return result(PLO, studies, pooled, GLMM, unit="patient")


def many(k: int, labels: list[str] | None = None) -> Result:
    """k series; the labels repeat, the numbers vary smoothly."""
    named = labels or ["Double-Name 2017", "Xi 2011", "A series without a year"]
    studies = []
    for i in range(k):
        total = 20 + 37 * (i % 7)
        events = (i * 5) % 11
        p = events / total
        limits = (max(0.0, p - 1.5 / total**0.5 * 0.3), min(1.0, p + 1.7 / total**0.5 * 0.5))
        studies.append((named[i % len(named)], counts(events, total), effect(p, *limits, 100 / k)))
    pooled = Pooled(
        k, n=131 * k, events=5 * k, estimate=0.0412, ci_low=0.0287, ci_high=0.0588, pi_low=0.0061,
        pi_high=0.2325, tau2=0.81, tau2_low=0.31, tau2_high=1.9, tau=0.9, i2=71.8, i2_low=50.2,
        i2_high=85.0, q=151.2, q_df=k - 1, q_p=2e-9, q_test="likelihood ratio", marginal=0.0551,
        weights="approximate",
    )  # fmt: skip
    return result(PLO, studies, pooled, GLMM)


def subgroups() -> Result:
    """Three levels: one pooled, one without an estimate, one with a single study."""
    whole = screws()
    primary = whole.primary

    def part(level: str, rows: range, pooled: Pooled) -> Analysis:
        chosen = tuple(primary.effects[i] for i in rows)
        return Analysis(f"subgroup:setting={level}", GLMM, chosen, pooled)

    main = replace(primary.pooled, k=5, n=969, events=17, tau2=0.44, tau=0.663, q=9.91, q_df=4)
    flat = Pooled(2, n=274, events=3, pooled=False, notes=("no estimate: the likelihood is flat",))
    one = Pooled(1, n=9, events=1, pooled=False, estimate=0.1111, ci_low=0.0199, ci_high=0.435)
    parts = (
        part("primary_augmentation", range(5), main),
        part("salvage", range(5, 7), flat),
        part("tumour", range(7, 8), one),
    )
    levels = ("primary_augmentation", "salvage", "tumour")
    test = SubgroupTest("setting", levels, None, None, None, "not in the test: salvage, tumour")
    return replace(whole, analyses=(primary, *parts), subgroup_tests=(test,))


def rates() -> Result:
    """Rates on a log axis: a study without an event, and one far outside all others."""
    studies = [
        ("A 2001", {"events": "3", "time": "410.5"}, effect(0.00731, 0.00151, 0.02136, 40.0)),
        ("B 2002", {"events": "5", "time": "512"}, effect(0.00977, 0.00317, 0.02279, 45.0)),
        ("C 2003", {"events": "0", "time": "98"}, effect(0.0, 0.0, 0.03764, 10.0)),
        ("D 2004", {"events": "4", "time": "0.05"}, effect(80.0, 21.8, 204.8, 5.0)),
    ]
    pooled = Pooled(
        4, n=1020.55, events=12, estimate=0.0102, ci_low=0.0051, ci_high=0.0204, tau2=0.1,
        tau=0.316, i2=10.0, q=3.1, q_df=3, q_p=0.376,
    )  # fmt: skip
    measure = MeasureText("IRLN", "log incidence rate", "incidence rate", "rate", None, True)
    return result(measure, studies, pooled, REML, unit="patient")


def means() -> Result:
    """Two arms with means; higher is better."""
    names = [f"{name}_{arm}" for arm in ("treatment", "control") for name in ("mean", "sd", "n")]
    numbers = (
        ("A 2001", "12.1 4.0 30 10.0 4.1 31", effect(2.1, 0.07, 4.13, 45.0)),
        ("B 2002", "13.0 3.0 41 12.5 3.3 40", effect(0.5, -0.88, 1.88, 43.0)),
        ("C 2003", "15.5 9.0 12 6.0 8.0 11", effect(9.5, 2.6, 16.4, 12.0)),
    )
    studies = [(a, dict(zip(names, b.split(), strict=True)), e) for a, b, e in numbers]
    pooled = Pooled(
        3, n=165, estimate=1.9, ci_low=-3.9, ci_high=7.7, pi_low=-9.1, pi_high=12.9,
        pi_doubtful=True, p_value=0.294, tau2=4.1, tau2_low=0.0, tau2_high=120.0, tau=2.02, i2=71.0,
        i2_low=0.0, i2_high=98.6, q=7.01, q_df=2, q_p=0.03,
    )  # fmt: skip
    return result(MD, studies, pooled, REML, unit="patient")


def nothing() -> Result:
    left = (("Iota 2023", counts(0, 40), "counts venous leakage only"),)
    pooled = Pooled(0, pooled=False, notes=("no study to pool",))
    return result(PLO, [], pooled, GLMM, left)


EXAMPLES = {
    "screws": (screws(), Display("Screw loosening", direction="lower")),
    "changes": (
        changes(),
        Display("Pain", direction="lower", minimum=0, maximum=10, important_difference=2),
    ),
    "odds": (odds(), Display("Loosening", direction="lower", treatment="Augmented")),
    "rates": (rates(), Display("Events", direction="lower")),
    "means": (means(), Display("Score", direction="higher", important_difference=2.5)),
    "one study": (one_study(), Display("Leakage")),
    "all zero": (all_zero(), Display("Leakage")),
    "sixty": (many(60), Display("Leakage")),
    "long labels": (
        many(
            6,
            [
                "A consortium with a very long name and several centres, first report 2011",
                "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikationsstudie 2012",
                "漢字の研究 2020",
                "$x_1$ <b> & \\alpha {} % _a\n2001\x00",
            ],
        ),
        Display("Leakage"),
    ),
    "subgroups": (subgroups(), Display("Screw loosening")),
    "nothing": (nothing(), Display("Leakage")),
}
