"""Subsets of the studies: which are pooled, what is kept of them, how they are said and drawn."""

import io
from dataclasses import asdict, replace

import numpy as np
import pytest
from golden import check_golden

from metamill.analysis import analyse
from metamill.config.settings import Display, Explorations, Model, Outcome, Plan
from metamill.decoding import decoded
from metamill.estimating import Data, estimate
from metamill.explored.gosh import Gosh
from metamill.exploring import gosh as module
from metamill.exploring.gosh import gosh
from metamill.figures.page.render import Label, render
from metamill.figures.refits.gosh import LEAST_OUTLINED
from metamill.figures.refits.gosh import gosh as figure
from metamill.figures.style import STYLES
from metamill.files import rounded
from metamill.measures.effects import Effects
from metamill.pooling.subset_sample import every_subset, possible_subsets, sampled_subsets
from metamill.progress import progress
from metamill.reporting.gosh_section import gosh_section
from metamill.results import read, write
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

TRIALS = (
    (4, 123, 11, 139), (6, 306, 29, 303), (3, 231, 11, 220), (62, 13598, 248, 12867),
    (33, 5069, 47, 5808), (180, 1541, 372, 1451), (8, 2545, 10, 629), (505, 88391, 499, 88391),
)  # fmt: skip
ONE_ARM = ((2, 20), (0, 31), (5, 44), (9, 60), (1, 25), (0, 18), (30, 45))


def generic(y, v) -> Data:
    k = len(y)
    effects = Effects(np.array(y, float), np.array(v, float), np.zeros(k, bool))
    columns = {name: np.full(k, np.nan) for name in ("estimate", "ci_low", "ci_high", "n")}
    return Data(columns, effects, np.arange(k), "identity")


def cells_of(k: int) -> list[dict[str, str]]:
    return [{"study": f"S{i}"} for i in range(k)]


def subsets_of(data: Data, model: Model, **settings) -> Gosh:
    k = int(data.study.max()) + 1
    whole = estimate(data, model).pooled
    found = gosh(data, model, whole, cells_of(len(data.study)), Explorations(**settings))
    assert found is not None and found.k == k
    return found


def result_of(rows, model: Model, **more):
    table = tuple(
        TableRow(
            i + 2, {"study": f"S{i}", "label": f"Study {i}"} | {n: str(x) for n, x in r.items()}
        )
        for i, r in enumerate(rows)
    )
    outcome = Outcome("outcome", "t.csv", {}, (Plan("primary", model),), **more)
    return analyse(outcome, Selection("t.csv", table, ()))


def trials():
    names = ("events_treatment", "total_treatment", "events_control", "total_control")
    return [dict(zip(names, row, strict=True)) for row in TRIALS]


def one_arm():
    return [dict(zip(("events", "total"), row, strict=True)) for row in ONE_ARM]


NOTHING_ELSE = Explorations(automatic_sensitivity=False, flip_points=False)


def random_data(k: int, seed: int = 3) -> Data:
    random = np.random.default_rng(seed)
    v = random.uniform(0.02, 0.3, k)
    return generic(random.normal(0.3, np.sqrt(v + 0.05)), v)


@pytest.mark.parametrize("k", [2, 3, 5, 11])
def test_every_subset_of_two_or_more_comes_once(k):
    keep = every_subset(k)
    assert keep.shape == (k, possible_subsets(k)) and keep.sum(axis=0).min() == 2
    assert len({tuple(column) for column in keep.T}) == 2**k - k - 1


@pytest.mark.parametrize(("k", "count"), [(5, 26), (9, 300), (30, 2000), (64, 500), (130, 500)])
def test_a_sample_holds_different_subsets_and_is_the_same_for_the_same_seed(k, count):
    keep = sampled_subsets(k, count, 1)
    assert keep.shape == (k, count) and keep.sum(axis=0).min() >= 2
    assert len({tuple(column) for column in keep.T}) == count
    assert np.array_equal(keep, sampled_subsets(k, count, 1))
    if count < possible_subsets(k):
        assert not np.array_equal(keep, sampled_subsets(k, count, 2))


def test_each_study_is_in_half_of_the_sampled_subsets():
    share = sampled_subsets(40, 4000, 7).mean(axis=1)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


def test_more_subsets_than_there_are_cannot_be_sampled():
    with pytest.raises(ValueError, match="26 subsets"):
        sampled_subsets(5, 27, 1)


def test_quantiles_with_and_without_each_study_are_those_of_a_plain_count():
    data, model = random_data(7), Model("GEN", "DL", "z")
    found = subsets_of(data, model)
    keep = every_subset(7).astype(bool)
    single = [estimate(data.take(column), model).pooled for column in keep.T]
    mu, tau2 = (np.array([getattr(p, name) for p in single]) for name in ("mu", "tau2"))

    def plain(values, share):
        return sorted(values)[int(np.ceil(share * len(values))) - 1]

    for study, item in enumerate(found.studies):
        for chosen, of_mu, of_tau2 in (
            (keep[study], item.estimate_with, item.tau2_with),
            (~keep[study], item.estimate_without, item.tau2_without),
        ):
            for values, spread in ((mu[chosen], of_mu), (tau2[chosen], of_tau2)):
                assert (spread.least, spread.most) == pytest.approx((min(values), max(values)))
                for share, name in ((0.05, "p5"), (0.5, "median"), (0.95, "p95")):
                    assert getattr(spread, name) == pytest.approx(plain(values, share), rel=1e-12)
        width = plain(mu, 0.75) - plain(mu, 0.25)
        apart = plain(mu[keep[study]], 0.5) - plain(mu[~keep[study]], 0.5)
        assert item.split == pytest.approx(apart / width, rel=1e-9)


def test_a_study_apart_from_all_others_divides_the_subsets():
    y = [0.1, 0.12, 0.08, 0.11, 0.09, 0.1, 2.0]
    found = subsets_of(generic(y, [0.01] * 7), Model("GEN", "EE", "z"))
    assert found.cloud.mover == "S6"
    assert found.studies[6].split > 0.99
    assert max(abs(item.split) for item in found.studies[:6]) < 0.5


def test_bins_hold_every_subset_once_and_those_with_the_mover_among_them():
    found = subsets_of(random_data(10), Model("GEN", "REML"))
    cloud = found.cloud
    assert sum(map(sum, cloud.counts)) == found.tried == 2**10 - 11
    with_it = next(s.subsets_with for s in found.studies if s.study == cloud.mover)
    assert sum(map(sum, cloud.counts_with)) == with_it == 2**9 - 1
    pairs = zip(cloud.counts, cloud.counts_with, strict=True)
    assert all(b <= a for up in pairs for a, b in zip(*up, strict=True))


def test_the_share_on_the_other_side_is_counted():
    rows = [{"yi": y, "vi": 0.05} for y in (0.4, 0.3, -0.6, 0.5, -0.1)]
    result = result_of(rows, Model("GEN", "EE", "z"), explorations=NOTHING_ELSE)
    assert result.explored.gosh.crossings == ()
    data = generic([0.4, 0.3, -0.6, 0.5, -0.1], [0.05] * 5)
    columns = {"mean_treatment": np.zeros(5)}
    model = Model("MD", "EE", "z", thresholds=(0.2,))
    data = replace(data, columns=columns, scale=None)
    keep = every_subset(5).astype(bool)
    means = np.array([data.effects.yi[column].mean() for column in keep.T])
    whole = replace(estimate(generic([0.1, 0.2, 0.3], [1, 1, 1]), Model("GEN", "EE", "z")).pooled,
                    estimate=0.1, mu=0.1)  # fmt: skip
    found = gosh(data, model, whole, cells_of(5), Explorations())
    no_effect, important = found.crossings
    assert (no_effect.value, important.value) == (0.0, 0.2)
    assert no_effect.share == pytest.approx((means <= 0).mean())
    assert important.share == pytest.approx((means > 0.2).mean())


def test_mixed_models_have_the_fits_of_estimate_and_nothing_where_counts_do_not_vary():
    result = result_of(one_arm(), Model("PLO", "GLMM", "t"), explorations=NOTHING_ELSE)
    found = result.explored.gosh
    # the two studies without an event are one subset by themselves
    assert (found.tried, found.failed, found.cloud.y_is) == (2**7 - 8, 1, "tau")
    x, n = (np.array(column, float) for column in zip(*ONE_ARM, strict=True))
    data = Data({"events": x, "total": n}, Effects(x, n, x > 99), np.arange(7))
    model = Model("PLO", "GLMM", "t")
    keep = every_subset(7)[:, ::5]
    fits = module._engine(data, model)[0](keep)
    for column, mu, tau2 in zip(keep.T, fits.mu, fits.tau2, strict=True):
        effects = Effects(np.log((x + 0.5) / (n - x + 0.5)), 1 / (x + 0.5), x < 0)
        pooled = estimate(replace(data, effects=effects).take(column > 0), model).pooled
        if pooled.mu is not None:
            assert mu == pytest.approx(pooled.mu, abs=1e-6)
            assert tau2 == pytest.approx(pooled.tau2, abs=1e-6, rel=1e-6)


def test_proportions_without_an_event_have_no_model_among_inverse_variance_subsets():
    result = result_of(one_arm(), Model("PLO", "DL", "z"), explorations=NOTHING_ELSE)
    assert result.explored.gosh.failed == 1


@pytest.mark.parametrize(
    ("measure", "method", "most"), [("OR", "MH", 247), ("OR", "PETO", 247), ("OR", "GLMM", 40)]
)
def test_models_of_counts_pool_all_subsets_or_say_how_many(measure, method, most):
    model = Model(measure, method, "t" if method == "GLMM" else "z", glmm="CM.AL")
    found = result_of(trials(), model, explorations=NOTHING_ELSE).explored.gosh
    assert (found.tried, found.every) == (most, most == 247)
    assert (found.seed is None) == found.every
    assert found.estimate is not None and found.cloud is not None


def test_rows_of_one_study_stay_together():
    rows = [{"yi": y, "vi": 0.04, "study": f"S{i // 2}", "arm": str(i % 2)}
            for i, y in enumerate((0.1, 0.2, 0.5, 0.6, 0.9, 0.7, 0.2, 0.3))]  # fmt: skip
    model = Model("GEN", "RVE", "cr2", rho=0.5)
    found = result_of(rows, model, explorations=NOTHING_ELSE).explored.gosh
    assert (found.k, found.tried, len(found.studies)) == (4, 11, 4)


@pytest.mark.parametrize(
    ("rows", "model", "reason"),
    [
        (trials()[:2], Model("OR"), "three studies"),
        (trials()[:3], Model("OR", "BAYES", "posterior", tau_prior=0.5), "Bayesian"),
        ([{"events": 0, "total": 9}] * 4, Model("PLO", "GLMM", "t"), "no model was fitted"),
    ],
)
def test_where_there_are_no_subsets_the_reason_is_said(rows, model, reason):
    result = result_of(rows, model, explorations=NOTHING_ELSE)
    assert reason in result.explored.gosh.note
    drawn = figure(result, Display("Outcome"), STYLES["default"])
    assert reason in drawn.caption and "not drawn" in drawn.alt
    assert reason in gosh_section(result)["sentences"][0]


def test_no_subsets_are_pooled_where_none_are_wanted():
    result = result_of(trials(), Model("OR"), explorations=replace(NOTHING_ELSE, gosh=0))
    assert result.explored.gosh is None and gosh_section(result) is None


def test_identical_effects_make_one_line_of_subsets():
    found = subsets_of(generic([0.3] * 5, [0.1, 0.2, 0.1, 0.3, 0.2]), Model("GEN", "REML", "z"))
    assert found.estimate.least == found.estimate.most == pytest.approx(0.3)
    assert all(item.split is None for item in found.studies)
    assert found.cloud.x_low < 0.3 < found.cloud.x_high


def test_more_studies_than_twenty_are_sampled_as_often_as_the_settings_say():
    data, model = random_data(25), Model("GEN", "DL", "z")
    found = subsets_of(data, model, gosh=3000, seed=5)
    assert (found.tried, found.every, found.seed) == (3000, False, 5)
    assert found.possible == 2**25 - 26
    assert subsets_of(data, model, gosh=3000, seed=5) == found
    assert subsets_of(data, model, gosh=3000, seed=6) != found


def test_so_many_studies_that_no_number_holds_their_subsets_are_pooled_too():
    found = subsets_of(random_data(300), Model("GEN", "EE", "z"), gosh=500)
    assert found.possible is None and found.tried == 500 and found.failed == 0


def test_a_result_is_read_back_as_it_was_written(tmp_path):
    result = result_of(trials(), Model("OR"), explorations=NOTHING_ELSE)
    write(result, tmp_path / "result.json")
    found = read(tmp_path / "result.json").explored.gosh
    assert found == decoded(Gosh, rounded(asdict(result.explored.gosh), 10))
    assert (tmp_path / "result.json").stat().st_size < 300_000


@pytest.fixture(scope="module")
def drawn_result():
    rows = [{"yi": y, "vi": v} for y, v in zip(
        np.round(np.random.default_rng(1).normal(0.4, 0.4, 13), 2),
        np.round(np.random.default_rng(2).uniform(0.02, 0.1, 13), 3), strict=True)]  # fmt: skip
    return result_of(rows, Model("GEN", "DL", "z"), explorations=NOTHING_ELSE)


def test_the_cloud_is_drawn_in_few_shapes_and_the_same_bytes(drawn_result):
    drawn = figure(drawn_result, Display("Outcome"), STYLES["default"])
    (page,) = drawn.pages
    svg = render(drawn.pages, "svg", Label("t", drawn.alt, "x"), 100, False)
    again = figure(drawn_result, Display("Outcome"), STYLES["default"])
    assert svg == render(again.pages, "svg", Label("t", drawn.alt, "x"), 100, False)
    assert len(svg) < 150_000 and len(page.with_role("bin")) < 1500
    assert min(text.size for text in page.texts) >= 6
    left, top, right, bottom = 0.0, 0.0, page.width_mm, page.height_mm
    for item in page.items:
        box = item.box
        assert left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom, item
    assert page.with_role("outline")
    assert sum(map(sum, drawn_result.explored.gosh.cloud.counts_with)) >= LEAST_OUTLINED


def test_the_figure_is_the_frozen_one(drawn_result):
    check_golden("gosh", figure(drawn_result, Display("Outcome"), STYLES["default"]).pages)


def test_texts_of_the_figure_do_not_overlap(drawn_result):
    for width in (84.0, 120.0, 174.0):
        (page,) = figure(drawn_result, Display("Outcome", width_mm=width), STYLES["default"]).pages
        boxes = [text.box for text in page.texts]
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 0.3 or b[3] <= a[1] + 0.3
                assert apart, (width, a, b)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_told_once_a_second_on_a_terminal_and_nowhere_else():
    clock = iter(np.arange(0, 100, 0.4))
    terminal, plain = Terminal(), io.StringIO()
    assert list(progress(range(10), 10, "Work", terminal, lambda: next(clock))) == list(range(10))
    assert terminal.getvalue().count("Work: ") == 3
    assert terminal.getvalue().endswith("\r")
    assert list(progress(range(10), 10, "Work", plain)) == list(range(10))
    assert plain.getvalue() == ""


def test_a_short_work_says_nothing():
    terminal = Terminal()
    assert list(progress(range(3), 3, "Work", terminal, lambda: 0.0)) == [0, 1, 2]
    assert terminal.getvalue() == ""


def test_the_same_studies_give_the_same_sample_in_any_order_of_their_rows():
    data = random_data(23)
    turned = data.take(np.arange(23)[::-1])
    turned = replace(turned, study=np.arange(23))
    one, other = (subsets_of(d, Model("GEN", "DL", "z"), gosh=500) for d in (data, turned))
    assert asdict(one.estimate) == pytest.approx(asdict(other.estimate), rel=1e-12)
    assert one.cloud.counts == other.cloud.counts
    splits = [study.split for study in other.studies]
    assert [study.split for study in reversed(one.studies)] == pytest.approx(splits, abs=1e-9)


@pytest.mark.parametrize("method", ["MV", "RVE"])
def test_double_arcsines_of_several_rows_of_a_study_go_back_by_the_sizes_of_the_rows(method):
    rows = [row | {"study": f"S{i // 2}", "arm": str(i % 2)} for i, row in enumerate(one_arm())]
    model = Model("PFT", method, "cr2" if method == "RVE" else "t", rho=0.5)
    result = result_of(rows, model, explorations=NOTHING_ELSE)
    found = result.explored.gosh
    assert found.k == 4 and found.failed == 0
    whole = result.primary.pooled.estimate
    assert found.estimate.least <= whole <= found.estimate.most


def test_equal_effects_have_no_mover_and_a_figure_after_they_were_written(tmp_path):
    rows = [{"yi": 0.4 + 1e-16 * i, "vi": 0.04} for i in range(6)]
    write(result_of(rows, Model("GEN", "DL", "z"), explorations=NOTHING_ELSE), tmp_path / "r.json")
    back = read(tmp_path / "r.json")
    assert all(not study.split for study in back.explored.gosh.studies)
    drawn = figure(back, Display("Outcome"), STYLES["default"])
    assert render(drawn.pages, "svg", Label("t", drawn.alt))


def test_equal_proportions_of_a_mixed_model_are_drawn_after_they_were_written(tmp_path):
    rows = [{"events": 8, "total": 40}] * 6
    write(
        result_of(rows, Model("PLO", "GLMM", "t"), explorations=NOTHING_ELSE), tmp_path / "r.json"
    )
    drawn = figure(read(tmp_path / "r.json"), Display("Outcome"), STYLES["default"])
    assert render(drawn.pages, "svg", Label("t", drawn.alt))
