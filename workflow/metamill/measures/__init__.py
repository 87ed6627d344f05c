"""Effect measures: one registry of effects, sampling variances and natural scales."""

from metamill.measures.registry import MEASURES, Measure, effect_sizes, to_natural

__all__ = ["MEASURES", "Measure", "effect_sizes", "to_natural"]
