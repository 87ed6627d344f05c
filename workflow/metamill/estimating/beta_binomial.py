"""The beta-binomial model of one pool of proportions, as `Pooled`."""

from dataclasses import replace

from scipy.special import expit

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate
from metamill.pooling.beta_binomial import beta_binomial
from metamill.results import Pooled, Quantity


def beta_binomial_estimate(base: Pooled, data: Data, model: Model) -> Estimate:
    """The mean proportion over studies; raises NotIdentified where the counts do not tell it.

    Unlike the median of a GLMM this is a mean, so the two differ where studies do.
    """
    fit = beta_binomial(data.columns["events"], data.columns["total"], model.level)
    low, high = (fit.mu_low, fit.mu_high) if model.test == "t" else (fit.wald_low, fit.wald_high)
    note = "the estimate is the mean proportion over studies, not the median of a GLMM"
    result = replace(
        base,
        estimate=fit.p,
        ci_low=float(expit(low)),
        ci_high=float(expit(high)),
        mu=fit.mu,
        se=fit.se,
        mu_low=low,
        mu_high=high,
        weights="none",
        also=(
            Quantity(
                "intra-class correlation of units within studies",
                "model",
                fit.rho,
                fit.rho_low,
                fit.rho_high,
            ),
            Quantity(
                f"spread of study proportions, central {model.level:g}% of the fitted distribution",
                "natural",
                fit.p,
                fit.beta_low,
                fit.beta_high,
            ),
        ),
        notes=(*base.notes, note),
    )
    return Estimate(result)
