"""Questionnaires and scales whose possible scores are known for certain, as plain data.

Utilities (EQ-5D) and scores that are transformed or weighted are not among them: their single
values lie on no lattice that can be stated once for all countries and versions.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Instrument:
    """What one patient can score.

    Scores lie between `low` and `high`, in steps of `step` (None: none that holds for every
    patient). A questionnaire of `sections` answers, each 0 to `points`, is scored as the share of
    the points that the sections answered could give, so that a patient who leaves sections out can
    have high * k / (points * m) with m answers. `longer` names the same instrument on a scale
    `times` as long, with which it is mixed up.
    """

    name: str
    low: Fraction
    high: Fraction
    source: str
    step: Fraction | None = None
    sections: int = 0
    points: int = 0
    longer: str = ""
    times: int = 1

    def answers(self, smallest: Fraction, largest: Fraction) -> tuple[int, ...]:
        """Numbers of answered sections with which some score lies between the two, ends included.

        Only for questionnaires that are scored by sections.
        """
        found = []
        for m in range(1, self.sections + 1):
            unit = self.high / (self.points * m)
            if -(-max(smallest, self.low) // unit) <= min(largest, self.high) // unit:
                found.append(m)
        return tuple(found)


_ODI = "Fairbank and Pynsent, Spine 2000;25:2940-52"
_NDI = "Vernon and Mior, J Manipulative Physiol Ther 1991;14:409-15"
_VAS = "Huskisson, Lancet 1974;2:1127-31"


def _ten_sections(name: str, high: int, source: str, longer: str = "") -> Instrument:
    return Instrument(
        name, Fraction(0), Fraction(high), source, sections=10, points=5, longer=longer, times=2
    )


def _points(
    name: str, low: int, high: int, source: str, step: Fraction | None = Fraction(1)
) -> Instrument:
    return Instrument(name, Fraction(low), Fraction(high), source, step)


INSTRUMENTS: dict[str, Instrument] = {
    "ODI": _ten_sections("Oswestry Disability Index, per cent", 100, _ODI),
    "ODI-50": _ten_sections("Oswestry Disability Index, points", 50, _ODI, "ODI"),
    "NDI": _ten_sections("Neck Disability Index, per cent", 100, _NDI),
    "NDI-50": _ten_sections("Neck Disability Index, points", 50, _NDI, "NDI"),
    "RMDQ": _points(
        "Roland-Morris Disability Questionnaire", 0, 24, "Roland and Morris, Spine 1983;8:141-4"
    ),
    "NRS": _points(
        "numerical rating scale of pain, 11 points", 0, 10, "Jensen et al., Pain 1986;27:117-26"
    ),
    "VAS-cm": Instrument(
        "visual analogue scale, cm", Fraction(0), Fraction(10), _VAS, longer="VAS-mm", times=10
    ),
    "VAS-mm": Instrument("visual analogue scale, mm", Fraction(0), Fraction(100), _VAS),
    "ASIA-motor": _points(
        "ASIA motor score", 0, 100, "Kirshblum et al., J Spinal Cord Med 2011;34:535-46"
    ),
    "mJOA": _points(
        "modified JOA score, cervical", 0, 18, "Benzel et al., J Spinal Disord 1991;4:286-95"
    ),
    # The step and the bounds of these hold for every version in use: points are taken off for the
    # bladder (low back) or the shoulder (neck), half points are given, items are weighted anew.
    "JOA-29": _points("JOA score, low back", -6, 29, "J Jpn Orthop Assoc 1986;60:391-4", step=None),
    "JOA-17": _points(
        "JOA score, cervical", -2, 17, "J Jpn Orthop Assoc 1994;68:490-503", Fraction(1, 2)
    ),
    "Barthel": _points(
        "Barthel index", 0, 100, "Mahoney and Barthel, Md State Med J 1965;14:61-5", step=None
    ),
}
"""By the name that `scale.instrument` in config.yaml and the column `instrument` may hold."""
