"""Published meta-analyses, at the digits printed in the papers.

Data are the published tables as kept in the metadat package, or the paper's own table; they are
read from effect_sizes.json, which names the source of each. Page, table and digits are those
quoted in metafor's analysis examples, whose author compared them with the papers; where paper and
data disagree the test says so and gives what the data yield.
"""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
from scipy.special import expit, ndtri

from metamill.measures import effect_sizes, to_natural
from metamill.pooling import pool
from metamill.pooling.glmm import pool_proportions

FROZEN = json.loads(Path(__file__).with_name("effect_sizes.json").read_text())


def data(measure, name):
    case = next(c for c in FROZEN["cases"] if (c["measure"], c["set"]) == (measure, name))
    return {column: np.array(values, float) for column, values in case["columns"].items()}


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
