"""Seeded data sets that reach the corners: units, ratios, ties, outliers, identical effects."""

import numpy as np

LEAST, MOST, RATIO = 1e-12, 1e12, 1e10

EFFECTS = ("normal", "homogeneous", "ties", "identical", "nearly identical", "outlier", "integers")
VARIANCES = ("equal", "nearly equal", "lognormal", "wide", "one giant study")


def _variances(chance, kind, k, centre):
    match kind:
        case "equal":
            shape = np.ones(k)
        case "nearly equal":
            shape = 1 + 10.0 ** chance.uniform(-15, -8) * chance.random(k)
        case "lognormal":
            shape = np.exp(chance.normal(0, chance.uniform(0.2, 2.0), k))
        case "wide":
            shape = 10.0 ** (chance.random(k) * chance.uniform(1, 10))
        case _:
            shape = np.ones(k)
            shape[chance.integers(k)] = 10.0 ** -chance.uniform(2, 10)
    v = np.clip(centre * shape, LEAST, MOST)
    return np.minimum(v, v.min() * RATIO)


def _effects(chance, kind, v, scale):
    k = len(v)
    mean = scale * chance.choice([0.0, 1.0, 1e3, -1e6])
    noise = np.sqrt(v) * chance.normal(0, 1, k)
    match kind:
        case "normal":
            return mean + scale * chance.normal(0, 1, k) + noise
        case "homogeneous":
            return mean + chance.uniform(0, 1.2) * noise
        case "ties":
            return mean + scale * chance.integers(0, 3, k)
        case "identical":
            return np.full(k, mean + scale * chance.normal())
        case "nearly identical":
            return (mean + scale) * (1 + 10.0 ** chance.uniform(-15, -8) * chance.random(k))
        case "outlier":
            y = mean + noise
            y[chance.integers(k)] += scale * 10.0 ** chance.uniform(1, 8)
            return y
        case _:
            return np.round(chance.normal(0, 10.0 ** chance.uniform(0, 4), k))


def random_set(chance, k):
    """y and v of k studies: v from 1e-12 to 1e12 with ratios up to 1e10, y from 1e-8 to 1e8."""
    scale = 10.0 ** chance.uniform(-8, 8)
    own_unit = chance.random() < 0.7
    centre = scale**2 * 10.0 ** chance.uniform(-2, 2) if own_unit else 10 ** chance.uniform(-12, 12)
    kind = str(chance.choice(EFFECTS))
    v = _variances(chance, str(chance.choice(VARIANCES)), k, np.clip(centre, LEAST, MOST))
    if kind == "integers":
        v = np.clip(np.round(v), 1, MOST)
    return _effects(chance, kind, v, scale), v


def batches(chunk, size, ways=10):
    """`size` data sets in `ways` batches of one k each, 2 to 30: pairs y, v of shape (k, m)."""
    chance = np.random.default_rng([20_261, chunk])
    for k in chance.choice(np.arange(2, 31), ways, replace=False):
        sets = [random_set(chance, int(k)) for _ in range(size // ways)]
        yield tuple(np.array(columns).T for columns in zip(*sets, strict=True))
