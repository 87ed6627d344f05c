"""What the number of studies allows to be said: one table, each entry with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """What a pool of k studies may show."""

    pooled: bool
    prediction: bool
    doubtful_prediction: bool
    note: str


_BY_K = (
    (0, Permission(False, False, False, "no study to pool")),
    (1, Permission(False, False, False, "one study: its own result, nothing is pooled")),
    (
        2,
        Permission(
            True,
            False,
            False,
            "two studies: no prediction interval, and an interval of the mean from one degree of "
            "freedom; draw no conclusion from it alone",
        ),
    ),
    (
        3,
        Permission(
            True, True, True, "fewer than five studies: the prediction interval is unreliable"
        ),
    ),
    (5, Permission(True, True, False, "")),
)


def permission(k: int) -> Permission:
    """The entry of the largest k not above the given one."""
    return next(entry for least, entry in reversed(_BY_K) if k >= least)
