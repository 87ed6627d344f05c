"""Published meta-analyses, at the digits printed in the papers.

Data are the published tables as kept in the metadat package, or the paper's own table; they are
read from effect_sizes.json and published.json, which name the source of each. Page, table and
digits are those quoted in metafor's analysis examples, whose author compared them with the papers;
where paper and data disagree the test says so and gives what the data yield.
"""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, ndtri

from metamill.measures import effect_sizes, to_natural
from metamill.pooling import pool, tau2_interval
from metamill.pooling.count_tests import (
    cochran_mantel_haenszel,
    mantel_haenszel_rates,
    tarone,
)
from metamill.pooling.dependent import three_level
from metamill.pooling.glmm import (
    pool_conditional,
    pool_proportions,
    pool_rate_ratios,
    pool_rates,
)
from metamill.pooling.mantel_haenszel import mantel_haenszel
from metamill.pooling.peto import peto

HERE = Path(__file__)
FROZEN = json.loads(HERE.with_name("effect_sizes.json").read_text())
PUBLISHED = json.loads(HERE.with_name("published.json").read_text())


def data(measure, name):
    case = next(c for c in FROZEN["cases"] if (c["measure"], c["set"]) == (measure, name))
    return {column: np.array(values, float) for column, values in case["columns"].items()}


def published(name):
    columns = PUBLISHED["sets"][name]["columns"]
    return {column: np.array(values, float) for column, values in columns.items()}


def prints_as(value, printed):
    """True if `value` is within half a unit of the last digit of the string `printed`."""
    half = Decimal(5).scaleb(Decimal(printed).as_tuple().exponent - 1)
    return abs(Decimal(float(value)) - Decimal(printed)) <= half


def assert_prints(pairs):
    wrong = [
        f"{value!r} is not {printed}" for value, printed in pairs if not prints_as(value, printed)
    ]
    assert not wrong, wrong


def pooled(effects, method="REML", test="z"):
    return pool(effects.yi, effects.vi, method=method, test=test)


def test_half_a_unit_of_the_last_digit_decides():
    assert prints_as(0.0354, "0.035")
    assert not prints_as(0.0356, "0.035")
    assert prints_as(-3.3018, "-3.30")
    assert not prints_as(-3.306, "-3.30")


def test_stijnen_2010_table_2_control_arm():
    """Stijnen, Hamza and Oezdemir 2010, Table II, p. 3050, normal-normal model, REML.

    The paper prints 0.035 and an upper limit of 0.056; the data give 0.0355 and 0.0554.
    """
    fit = pooled(effect_sizes("PLO", data("PLO", "nielweise2007_control")))
    assert_prints([(fit.mu, "-3.30"), (fit.se, "0.24"), (fit.tau2, "0.663")])
    assert_prints([(expit(fit.mu), "0.0355"), (expit(fit.mu_low), "0.023")])
    assert_prints([(expit(fit.mu_high), "0.0554")])
    assert not prints_as(expit(fit.mu), "0.035")
    assert not prints_as(expit(fit.mu_high), "0.056")


def test_stijnen_2010_table_2_treated_arm():
    """Stijnen, Hamza and Oezdemir 2010, Table II, p. 3050, normal-normal model, REML."""
    fit = pooled(effect_sizes("PLO", data("PLO", "nielweise2007_treated")))
    assert_prints([(fit.mu, "-4.26"), (fit.se, "0.26"), (fit.tau2, "0.393")])
    assert_prints([(expit(fit.mu), "0.014"), (expit(fit.mu_low), "0.008")])
    assert_prints([(expit(fit.mu_high), "0.023")])


def binomial_normal(name):
    """The paper's intervals use the normal quantile, ours t(k - 1)."""
    columns = data("PLO", name)
    fit = pool_proportions(columns["events"], columns["total"])
    reach = ndtri(0.975) * fit.se
    return fit, expit(fit.mu), expit(fit.mu - reach), expit(fit.mu + reach)


def test_stijnen_2010_table_2_control_arm_binomial_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table II, p. 3050, binomial-normal model, ML."""
    fit, estimate, low, high = binomial_normal("nielweise2007_control")
    assert_prints([(fit.mu, "-3.50"), (fit.se, "0.26"), (fit.tau2, "0.81")])
    assert_prints([(estimate, "0.029"), (low, "0.018"), (high, "0.048")])


def test_stijnen_2010_table_2_treated_arm_binomial_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table II, p. 3050, binomial-normal model, ML."""
    fit, estimate, low, high = binomial_normal("nielweise2007_treated")
    assert_prints([(fit.mu, "-4.81"), (fit.se, "0.36"), (fit.tau2, "0.83")])
    assert_prints([(estimate, "0.008"), (low, "0.004"), (high, "0.016")])


def test_stijnen_2010_table_3_odds_ratio_without_double_zero_studies():
    """Stijnen, Hamza and Oezdemir 2010, Table III, p. 3052, normal-normal model, REML.

    The paper prints a standard error of 0.244 and an upper limit of 0.62; the data give 0.2435
    (just below the half unit) and 0.60.
    """
    columns = data("OR", "nielweise2007")
    kept = (columns["events_treatment"] > 0) | (columns["events_control"] > 0)
    assert (~kept).sum() == 1
    fit = pooled(effect_sizes("OR", {name: values[kept] for name, values in columns.items()}))
    assert_prints([(fit.mu, "-0.980"), (fit.se, "0.243"), (np.sqrt(fit.tau2), "0.19")])
    assert_prints([(np.exp(fit.mu), "0.38"), (np.exp(fit.mu_low), "0.23")])
    assert_prints([(np.exp(fit.mu_high), "0.60")])


def rate_per_1000_days(name):
    columns = data("IRLN", name)
    return pooled(effect_sizes("IRLN", columns | {"time": columns["time"] / 1000}))


def test_stijnen_2010_table_7_control_arm():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054, normal-normal model, REML.

    The paper prints an upper limit of 6.99; the data give 6.98.
    """
    fit = rate_per_1000_days("nielweise2008_control")
    assert_prints([(fit.mu, "1.468"), (fit.se, "0.243"), (fit.tau2, "0.370")])
    assert_prints([(np.exp(fit.mu), "4.34"), (np.exp(fit.mu_low), "2.70")])
    assert_prints([(np.exp(fit.mu_high), "6.98")])


def test_stijnen_2010_table_7_treated_arm():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054, normal-normal model, REML."""
    fit = rate_per_1000_days("nielweise2008_treated")
    assert_prints([(fit.mu, "0.981"), (fit.se, "0.326"), (fit.tau2, "0.639")])
    assert_prints([(np.exp(fit.mu), "2.67"), (np.exp(fit.mu_low), "1.41")])
    assert_prints([(np.exp(fit.mu_high), "5.05")])


def stroke_units():
    return effect_sizes("MD", data("MD", "normand1999_pooled_sd"))


def test_normand_1999_table_8_mean_differences():
    """Normand 1999, Table VIII, p. 351: differences in days, variances from the pooled SD."""
    effects = stroke_units()
    assert effects.yi.tolist() == [-20, -2, -55, -71, -4, 1, 11, -10, 7]
    printed = ["40.59", "2.05", "15.28", "150.22", "20.19", "1.22", "95.38", "8.03", "20.69"]
    assert_prints(zip(effects.vi, printed, strict=True))


def test_normand_1999_table_9_equal_effects():
    """Normand 1999, Table IX, p. 352."""
    fit = pooled(stroke_units(), "EE")
    assert_prints([(fit.mu, "-3.49"), (fit.mu_low, "-5.03"), (fit.mu_high, "-1.96")])


def test_normand_1999_table_9_dersimonian_laird():
    """Normand 1999, Table IX, p. 352."""
    fit = pooled(stroke_units(), "DL")
    assert_prints([(fit.mu, "-14.10"), (fit.mu_low, "-24.45"), (fit.mu_high, "-3.75")])
    assert_prints([(fit.tau2, "218.72")])


def test_normand_1999_table_9_reml():
    """Normand 1999, Table IX, p. 352."""
    fit = pooled(stroke_units(), "REML")
    assert_prints([(fit.mu, "-15.12"), (fit.mu_low, "-32.67"), (fit.mu_high, "2.43")])
    assert_prints([(fit.tau2, "685.20")])


def lidocaine():
    """Deaths after prophylactic lidocaine (Hine et al. 1989): risk differences in points."""
    effects = effect_sizes("RD", data("RD", "hine1989"))
    return effects.yi * 100, effects.vi * 100**2


def test_hine_1989_in_normand_1999_table_3():
    """Normand 1999, Table III, p. 330."""
    yi, vi = lidocaine()
    assert_prints(
        zip(yi, ["2.8026", "0.0000", "1.9711", "1.7961", "3.5334", "4.4031"], strict=True)
    )
    assert_prints(
        zip(vi, ["17.7575", "37.5657", "8.1323", "10.8998", "8.0114", "6.1320"], strict=True)
    )
    reach = ndtri(0.975) * np.sqrt(vi)
    assert_prints(zip(yi - reach, ["-5.5", "-12.0", "-3.6", "-4.7", "-2.0", "-0.5"], strict=True))
    assert_prints(zip(yi + reach, ["11.1", "12.0", "7.6", "8.3", "9.1", "9.3"], strict=True))


def test_hine_1989_in_normand_1999_table_7():
    """Normand 1999, Table VII, p. 349: the same for equal effects, DerSimonian-Laird and REML."""
    for method in ("EE", "DL", "REML"):
        fit = pool(*lidocaine(), method=method, test="z")
        assert_prints([(fit.mu, "2.94"), (fit.mu_low, "0.4"), (fit.mu_high, "5.5")])
        assert fit.tau2 == 0


def test_miller_1978_double_arcsine():
    """Miller 1978, p. 138, whose double arcsine is twice ours and its variance four times."""
    columns = data("PFT", "miller1978")
    effects = effect_sizes("PFT", columns)
    assert_prints(zip(2 * effects.yi, ["1.1391", "1.2888", "1.5253", "0.9515"], strict=True))
    assert_prints(zip(4 * effects.vi, ["0.0870", "0.0571", "0.0465", "0.1538"], strict=True))

    unweighted = effects.yi.mean()
    weighted = pooled(effects, "EE").mu
    sizes = columns["total"]
    assert_prints([(2 * unweighted, "1.2262"), (2 * weighted, "1.3093")])
    assert_prints([(to_natural("PFT", unweighted, sizes=sizes), "0.3164")])
    assert_prints([(to_natural("PFT", weighted, sizes=sizes), "0.3595")])


def test_morris_2008_table_5_change_over_the_pretest_sd():
    """Morris 2008, Table 5, p. 382: treated minus control, each over its own SD before."""
    treated = effect_sizes("SMCR", data("SMCR", "morris2008_treated"))
    control = effect_sizes("SMCR", data("SMCR", "morris2008_control"))
    assert_prints(
        zip(treated.yi - control.yi, ["0.74", "0.95", "1.81", "1.15", "0.51"], strict=True)
    )


def test_molloy_2014_correlation_of_conscientiousness_and_adherence():
    """Molloy, O'Carroll and Ferguson 2014, abstract: 16 studies, r = 0.15 (0.09 to 0.21)."""
    columns = data("ZCOR", "molloy2014")
    assert len(columns["n"]) == 16
    fit = pooled(effect_sizes("ZCOR", columns))
    assert_prints(
        [
            (to_natural("ZCOR", fit.mu), "0.15"),
            (to_natural("ZCOR", fit.mu_low), "0.09"),
            (to_natural("ZCOR", fit.mu_high), "0.21"),
        ]
    )


# ---- counts of two groups, given the number of events ----


def assert_ratio(fit, mu, se, tau, estimate, low, high):
    """A fit with normal limits, as the papers print it: tau and the back-transformed ratio too."""
    assert_prints([(fit.mu, mu), (fit.se, se), (np.sqrt(fit.tau2), tau)])
    assert_prints([(np.exp(fit.mu), estimate)])
    assert_prints([(np.exp(fit.mu_low), low), (np.exp(fit.mu_high), high)])


def test_stijnen_2010_table_3_exact_conditional_likelihood():
    """Stijnen, Hamza and Oezdemir 2010, Table III, p. 3052, hypergeometric-normal model.

    The paper prints an odds ratio of 0.25; its own -1.353 gives 0.26.
    """
    fit = pool_conditional(**data("OR", "nielweise2007"), test="z", likelihood="CM.EL")
    assert_ratio(fit, "-1.353", "0.351", "0.83", "0.26", "0.13", "0.51")


def test_stijnen_2010_table_3_approximate_conditional_likelihood():
    """Stijnen, Hamza and Oezdemir 2010, Table III, p. 3052, binomial-normal approximation.

    The paper prints a tau of 0.77; the data give 0.78.
    """
    fit = pool_conditional(**data("OR", "nielweise2007"), test="z", likelihood="CM.AL")
    assert_ratio(fit, "-1.303", "0.339", "0.78", "0.27", "0.14", "0.53")


def poisson_normal(name):
    columns = data("IRLN", name)
    return pool_rates(columns["events"], columns["time"] / 1000, test="z")


def test_stijnen_2010_table_7_control_arm_poisson_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054, Poisson-normal model, ML.

    The paper prints a tau2 of 0.316; the data give 0.317.
    """
    fit = poisson_normal("nielweise2008_control")
    assert_prints([(fit.mu, "1.401"), (fit.se, "0.231"), (fit.tau2, "0.317")])
    assert_prints([(np.exp(fit.mu), "4.06"), (np.exp(fit.mu_low), "2.58")])
    assert_prints([(np.exp(fit.mu_high), "6.38")])


def test_stijnen_2010_table_7_treated_arm_poisson_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table VII, p. 3054, Poisson-normal model, ML.

    The paper prints 0.850 and a lower limit of 1.23; the data give 0.849 and 1.22.
    """
    fit = poisson_normal("nielweise2008_treated")
    assert_prints([(fit.mu, "0.849"), (fit.se, "0.330"), (fit.tau2, "0.654")])
    assert_prints([(np.exp(fit.mu), "2.34"), (np.exp(fit.mu_low), "1.22")])
    assert_prints([(np.exp(fit.mu_high), "4.47")])


def test_stijnen_2010_table_8_rate_ratio():
    """Stijnen, Hamza and Oezdemir 2010, Table VIII, p. 3055, normal-normal model, REML.

    The paper prints a standard error of 0.223 and an upper limit of 1.04; the data give 0.227 and
    1.05.
    """
    fit = pooled(effect_sizes("IRR", data("IRR", "nielweise2008")))
    assert_ratio(fit, "-0.396", "0.227", "0.31", "0.67", "0.43", "1.05")


def test_stijnen_2010_table_8_rate_ratio_poisson_normal():
    """Stijnen, Hamza and Oezdemir 2010, Table VIII, p. 3055, Poisson-normal model."""
    fit = pool_rate_ratios(**data("IRR", "nielweise2008"), test="z")
    assert_ratio(fit, "-0.476", "0.238", "0.35", "0.62", "0.39", "0.99")


def test_van_houwelingen_1993_exact_conditional_likelihood():
    """Van Houwelingen, Zwinderman and Stijnen 1993, p. 2277, in the text.

    The example quotes 0.175 (-0.092 to 0.441) and a log-likelihood of -52.989, from integrals of
    few nodes; the data give 0.174 (-0.093 to 0.442) and -52.990, by metafor 3.8-1 too.
    """
    fit = pool_conditional(**published("collins1985a"), test="z", likelihood="CM.EL")
    assert_prints([(fit.mu, "0.174"), (fit.se, "0.136"), (fit.tau2, "0.119")])
    assert_prints([(fit.mu_low, "-0.093"), (fit.mu_high, "0.442"), (fit.loglik, "-52.990")])


def test_yusuf_1985_page_107_peto():
    """Yusuf, Peto, Lewis, Collins and Sleight 1985, p. 107, table 6."""
    fit = peto(published("yusuf1985_table_6"))
    printed = zip((fit.mu, fit.mu_low, fit.mu_high), ("0.93", "0.74", "1.18"), strict=True)
    assert_prints([(np.exp(value), text) for value, text in printed])


# ---- Rothman, Greenland and Lash 2008, chapter 15: Mantel and Haenszel, limits of 90 % ----


def test_rothman_2008_table_15_1_mantel_haenszel():
    """Modern Epidemiology, 3rd edition, pp. 276-281, at the four digits of the analysis example."""
    columns = published("rothman2008_table_15_1")
    difference, ratio, odds = (mantel_haenszel(columns, m, 90) for m in ("RD", "RR", "OR"))
    assert_prints([(difference.mu, "0.0349"), (difference.mu_low, "-0.0176")])
    assert_prints([(difference.mu_high, "0.0874"), (difference.q, "0.0017")])
    assert_prints([(np.exp(ratio.mu), "1.3256"), (np.exp(ratio.mu_low), "0.8658")])
    assert_prints([(np.exp(ratio.mu_high), "2.0296"), (ratio.q, "0.4472")])
    assert_prints([(np.exp(odds.mu), "1.4031"), (np.exp(odds.mu_low), "0.8411")])
    assert_prints([(np.exp(odds.mu_high), "2.3409"), (odds.q, "0.3474")])
    assert_prints([(cochran_mantel_haenszel(columns, correct=False).statistic, "1.1914")])
    assert_prints([(tarone(columns).statistic, "0.3489")])


def test_rothman_2008_table_15_2_mantel_haenszel_of_rates():
    """Coronary deaths of British doctors, per 10 000 years, at the digits of the example."""
    columns = published("rothman2008_table_15_2")
    ratio, difference = (mantel_haenszel(columns, measure, 90) for measure in ("IRR", "IRD"))
    assert_prints([(np.exp(ratio.mu), "1.4247"), (np.exp(ratio.mu_low), "1.1944")])
    assert_prints([(np.exp(ratio.mu_high), "1.6994"), (ratio.q, "10.4117")])
    assert_prints([(10_000 * difference.mu, "11.4392"), (10_000 * difference.mu_low, "6.3498")])
    assert_prints([(10_000 * difference.mu_high, "16.5286"), (difference.q, "26.8758")])
    assert_prints([(mantel_haenszel_rates(columns, correct=False).statistic, "11.0162")])


def test_rothman_2008_table_15_5_mantel_haenszel_of_a_case_control_study():
    """Spermicide and Down syndrome, at the digits of the analysis example."""
    columns = published("rothman2008_table_15_5")
    odds = mantel_haenszel(columns, "OR", 90)
    assert_prints([(np.exp(odds.mu), "3.7812"), (np.exp(odds.mu_low), "1.4304")])
    assert_prints([(np.exp(odds.mu_high), "9.9954"), (odds.q, "0.1378")])
    assert_prints([(cochran_mantel_haenszel(columns, correct=False).statistic, "5.8092")])
    assert_prints([(tarone(columns).statistic, "0.1391")])


# ---- estimators and intervals of tau2 ----

VIECHTBAUER_2005 = {
    "viechtbauer2005_example_1": {
        "HS": ("0.228", "77.23", "4.39"),
        "HE": ("0.148", "68.80", "3.21"),
        "DL": ("0.277", "80.44", "5.11"),
        "ML": ("0.197", "74.51", "3.92"),
        "REML": ("0.223", "76.84", "4.32"),
        "EB": ("0.192", "74.05", "3.85"),
        "SJ": ("0.199", "74.75", "3.96"),
    },
    "viechtbauer2005_example_2": {
        "HS": ("0.010", "22.93", "1.30"),
        "HE": ("0.000", "0.00", "1.00"),
        "DL": ("0.013", "27.53", "1.38"),
        "ML": ("0.013", "28.45", "1.40"),
        "REML": ("0.016", "32.02", "1.47"),
        "EB": ("0.010", "23.72", "1.31"),
        "SJ": ("0.025", "42.67", "1.74"),
    },
}


@pytest.mark.parametrize("example", VIECHTBAUER_2005)
def test_viechtbauer_2005_pages_271_and_272(example):
    """Viechtbauer 2005, tau2 by seven estimators, with I2 and H2 as in the analysis example."""
    columns = published(example)
    for method, printed in VIECHTBAUER_2005[example].items():
        fit = pool(columns["yi"], columns["vi"], method, "z")
        assert_prints(zip((fit.tau2, fit.i2, fit.h2), printed, strict=True))


def test_viechtbauer_2007_table_2_estimates_and_intervals_of_tau2():
    """Viechtbauer 2007 (confidence intervals for tau2), Table II, p. 44.

    The table rounds further; these three digits are the analysis example's.
    """
    effects = effect_sizes("OR", published("collins1985b"))
    printed = {"DL": "0.230", "ML": "0.239", "REML": "0.301", "SJ": "0.456"}
    assert_prints([(pooled(effects, method).tau2, text) for method, text in printed.items()])
    intervals = {
        ("QP", "DL"): ("0.072", "2.203"),
        ("PL", "ML"): ("0.027", "1.131"),
        ("PL", "REML"): ("0.043", "1.475"),
    }
    for (kind, method), limits in intervals.items():
        found = tau2_interval(effects.yi, effects.vi, kind=kind, method=method)
        assert_prints(zip(found, limits, strict=True))


def test_viechtbauer_2007_accounting_for_heterogeneity_pages_107_and_109():
    """Viechtbauer 2007 (accounting for heterogeneity), risk ratios of St John's wort.

    The paper prints an equal-effects ratio of 1.39 and a Q of 55.54, which are 1.38 and 51.55, and
    an upper random-effects limit of 1.90, which is 1.89.
    """
    effects = effect_sizes("RR", published("linde2005"))
    equal, fit = pooled(effects, "EE"), pooled(effects, "DL")
    assert_prints([(np.exp(equal.mu), "1.38"), (np.exp(equal.mu_low), "1.26")])
    assert_prints([(np.exp(equal.mu_high), "1.52"), (equal.q, "51.55")])
    assert_prints([(np.exp(fit.mu), "1.57"), (np.exp(fit.mu_low), "1.31")])
    assert_prints([(np.exp(fit.mu_high), "1.89"), (fit.tau2, "0.090")])


def test_dersimonian_2007_tables_3_and_4():
    """DerSimonian and Kacker 2007, pp. 111-112, CLASP trial: tau, mu and its standard error."""
    effects = effect_sizes("OR", published("clasp1994"))
    printed = {
        "PM": ("0.3681", "-0.3811", "0.2060"),
        "HE": ("0.4410", "-0.4035", "0.2327"),
        "DL": ("0.2323", "-0.3240", "0.1540"),
        "DL2": ("0.3254", "-0.3655", "0.1901"),
    }
    for method, texts in printed.items():
        fit = pooled(effects, method)
        assert_prints(zip((np.sqrt(fit.tau2), fit.mu, fit.se), texts, strict=True))


def test_henmi_2010_page_2978_dersimonian_laird():
    """Henmi and Copas 2010, p. 2978: the DerSimonian-Laird analysis of acupoint stimulation."""
    fit = pooled(effect_sizes("OR", published("lee2004")), "DL")
    assert_prints([(fit.tau2, "0.3325"), (fit.mu, "-0.6787")])
    assert_prints([(fit.mu_low, "-1.0664"), (fit.mu_high, "-0.2911")])


def test_raudenbush_1985_pages_83_to_86():
    """Raudenbush and Bryk 1985: teacher expectancy; the paper's Q of 35.85 is 35.83."""
    columns = published("raudenbush1985")
    fit = pool(columns["yi"], columns["vi"], "REML", "z")
    assert_prints([(fit.tau2, "0.019"), (fit.mu, "0.084"), (fit.statistic, "1.62")])
    assert_prints([(fit.q, "35.83")])


def bcg():
    return effect_sizes("OR", data("OR", "bcg"))


def test_van_houwelingen_2002_page_596_equal_effects():
    """Van Houwelingen, Arends and Stijnen 2002; the upper limit printed as 0.703 is 0.702."""
    fit = pooled(bcg(), "EE")
    assert_prints([(np.exp(fit.mu), "0.647"), (np.exp(fit.mu_low), "0.595")])
    assert_prints([(np.exp(fit.mu_high), "0.702")])


def test_van_houwelingen_2002_pages_597_to_599_maximum_likelihood():
    """Van Houwelingen, Arends and Stijnen 2002: ML, its profile interval, the spread of effects.

    The range of effects on p. 599 is mu -+ 1.96 tau, without the error of mu.
    """
    effects = bcg()
    fit = pooled(effects, "ML")
    assert_prints([(np.exp(fit.mu), "0.476"), (np.exp(fit.mu_low), "0.336")])
    assert_prints([(np.exp(fit.mu_high), "0.675"), (fit.tau2, "0.302")])
    profile = tau2_interval(effects.yi, effects.vi, kind="PL", method="ML")
    assert_prints(zip(profile, ("0.12", "0.89"), strict=True))
    reach = ndtri(0.975) * np.sqrt(fit.tau2)
    assert_prints([(fit.mu - reach, "-1.820"), (fit.mu + reach, "0.336")])


def test_konstantopoulos_2011_table_4_two_levels():
    """Konstantopoulos 2011, Table 4, p. 70, REML, studies taken as independent."""
    columns = published("konstantopoulos2011")
    fit = pool(columns["yi"], columns["vi"], "REML", "z")
    assert_prints([(fit.mu, "0.128"), (fit.se, "0.044"), (fit.tau2, "0.088")])


def test_konstantopoulos_2011_table_5_three_levels():
    """Konstantopoulos 2011, Table 5, p. 71, ML, at the digits of the analysis example."""
    columns = published("konstantopoulos2011")
    rows = (columns["yi"], columns["vi"], columns["district"])
    fit = three_level(*rows, test="z", method="ML")
    assert_prints([(fit.mu, "0.1845"), (fit.se, "0.0805")])
    assert_prints([(fit.sigma2_between, "0.0577"), (fit.sigma2_within, "0.0329")])


def test_konstantopoulos_2011_three_levels_by_reml():
    """Not in the paper: the analysis example's REML fit of the same data."""
    columns = published("konstantopoulos2011")
    fit = three_level(columns["yi"], columns["vi"], columns["district"], test="z")
    assert_prints([(fit.mu, "0.1847"), (fit.se, "0.0846"), (fit.tau2, "0.0978")])
    assert_prints([(fit.sigma2_between, "0.0651"), (fit.sigma2_within, "0.0327")])
    assert_prints([(fit.sigma2_between / fit.tau2, "0.6653")])
