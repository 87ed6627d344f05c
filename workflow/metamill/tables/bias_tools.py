"""The tools by which risk of bias is judged, as plain data: domains, judgements, overall.

Domains are in the words of this file, shorter than those of the tools, whose forms and guidance
are needed to judge. Importing this costs nothing.
"""

from dataclasses import dataclass

GOOD, SOME, BAD, CRITICAL = "good", "some", "bad", "critical"
NONE, NOT_APPLICABLE = "none", "not applicable"
KINDS = (GOOD, SOME, BAD, CRITICAL, NONE, NOT_APPLICABLE)
"""What a judgement means in any tool, from the least risk to the greatest, and what is no answer.

`none` says that nothing is known: the study gives no information, or nobody judged.
"""

OVERALL = "overall"
"""The domain under which a table states the overall judgement."""
STATED, SUM, NO_OVERALL = "stated", "sum", "none"
"""How the overall is had: stated in the table, the sum of the items' points, or not at all."""


@dataclass(frozen=True)
class Level:
    """A judgement that a domain may be given; `points` is what it adds to a sum."""

    judgement: str
    kind: str
    points: int | None = None


@dataclass(frozen=True)
class Domain:
    """A domain or item: its short code, its name, and its judgements from good to bad."""

    code: str
    name: str
    levels: tuple[Level, ...]

    def level(self, judgement: str) -> Level | None:
        return next((level for level in self.levels if level.judgement == judgement), None)


@dataclass(frozen=True)
class Tool:
    """A tool: its code in tables, its name, where it is published, its domains in order.

    `doi` is empty for what has none. `overall` is "stated", "sum" or "none"; where it is stated
    its judgements are those of the domains.
    """

    code: str
    name: str
    reference: str
    doi: str
    overall: str
    domains: tuple[Domain, ...]

    def domain(self, code: str) -> Domain | None:
        """The domain of this code; the overall judgement is one where it is stated."""
        if code == OVERALL and self.overall == STATED:
            return Domain(OVERALL, "Overall", self.domains[0].levels)
        return next((domain for domain in self.domains if domain.code == code), None)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that may stand in the column `domain`."""
        own = tuple(domain.code for domain in self.domains)
        return (*own, OVERALL) if self.overall == STATED else own

    @property
    def most(self) -> int | None:
        """The largest possible sum; None where nothing is summed."""
        if self.overall != SUM:
            return None
        return sum(max(level.points or 0 for level in domain.levels) for domain in self.domains)


def _domains(prefix: str, names: str, levels: tuple[Level, ...]) -> tuple[Domain, ...]:
    """One domain a line, numbered from 1."""
    return tuple(
        Domain(f"{prefix}{number}", name.strip(), levels)
        for number, name in enumerate(names.strip().splitlines(), 1)
    )


_ROB2 = (Level("low", GOOD), Level("some concerns", SOME), Level("high", BAD))
_ROBINS = (
    Level("low", GOOD),
    Level("moderate", SOME),
    Level("serious", BAD),
    Level("critical", CRITICAL),
    Level("no information", NONE),
)
_STAR = (Level("star", GOOD, 1), Level("none", BAD, 0))
_TWO_STARS = (Level("two stars", GOOD, 2), Level("star", SOME, 1), Level("none", BAD, 0))
_MINORS = (Level("2", GOOD, 2), Level("1", SOME, 1), Level("0", BAD, 0))
_JBI = (
    Level("yes", GOOD),
    Level("unclear", SOME),
    Level("no", BAD),
    Level("not applicable", NOT_APPLICABLE),
)

_WELLS = (
    "Wells GA, Shea B, O'Connell D, et al. The Newcastle-Ottawa Scale (NOS) for assessing the "
    "quality of nonrandomised studies in meta-analyses. Ottawa Hospital Research Institute"
)
_SLIM = (
    "Slim K, Nini E, Forestier D, et al. Methodological index for non-randomized studies (MINORS): "
    "development and validation of a new instrument. ANZ J Surg 2003;73:712-716"
)
_SLIM_DOI = "10.1046/j.1445-2197.2003.02748.x"
_ONE_GROUP = """
    Aim clearly stated
    Consecutive patients included
    Data collected prospectively
    Endpoints appropriate to the aim
    Endpoint assessed without bias
    Follow-up long enough for the aim
    Less than 5 % lost to follow-up
    Study size calculated prospectively
"""
_TWO_GROUPS = """
    Control group adequate
    Groups contemporary
    Groups equivalent at baseline
    Statistical analyses adequate
"""

_ALL = (
    Tool(
        "RoB2",
        "RoB 2",
        "Sterne JAC, Savović J, Page MJ, et al. RoB 2: a revised tool for assessing risk of bias "
        "in randomised trials. BMJ 2019;366:l4898",
        "10.1136/bmj.l4898",
        STATED,
        _domains(
            "D",
            """
            Randomisation process
            Deviations from intended interventions
            Missing outcome data
            Measurement of the outcome
            Selection of the reported result
            """,
            _ROB2,
        ),
    ),
    Tool(
        "ROBINS-I",
        "ROBINS-I",
        "Sterne JA, Hernán MA, Reeves BC, et al. ROBINS-I: a tool for assessing risk of bias in "
        "non-randomised studies of interventions. BMJ 2016;355:i4919",
        "10.1136/bmj.i4919",
        STATED,
        _domains(
            "D",
            """
            Confounding
            Selection of participants
            Classification of interventions
            Deviations from intended interventions
            Missing data
            Measurement of outcomes
            Selection of the reported result
            """,
            _ROBINS,
        ),
    ),
    Tool(
        "NOS-cohort",
        "Newcastle-Ottawa Scale, cohort studies",
        _WELLS,
        "",
        SUM,
        (
            Domain("S1", "Exposed cohort representative", _STAR),
            Domain("S2", "Selection of the non-exposed cohort", _STAR),
            Domain("S3", "Ascertainment of exposure", _STAR),
            Domain("S4", "Outcome not present at the start", _STAR),
            Domain("C1", "Comparability of the cohorts", _TWO_STARS),
            Domain("O1", "Assessment of the outcome", _STAR),
            Domain("O2", "Follow-up long enough", _STAR),
            Domain("O3", "Follow-up complete enough", _STAR),
        ),
    ),
    Tool(
        "NOS-case-control",
        "Newcastle-Ottawa Scale, case-control studies",
        _WELLS,
        "",
        SUM,
        (
            Domain("S1", "Case definition adequate", _STAR),
            Domain("S2", "Cases representative", _STAR),
            Domain("S3", "Selection of controls", _STAR),
            Domain("S4", "Definition of controls", _STAR),
            Domain("C1", "Comparability of cases and controls", _TWO_STARS),
            Domain("E1", "Ascertainment of exposure", _STAR),
            Domain("E2", "Same ascertainment in cases and controls", _STAR),
            Domain("E3", "Non-response rate", _STAR),
        ),
    ),
    Tool(
        "MINORS",
        "MINORS, non-comparative studies",
        _SLIM,
        _SLIM_DOI,
        SUM,
        _domains("", _ONE_GROUP, _MINORS),
    ),
    Tool(
        "MINORS-comparative",
        "MINORS, comparative studies",
        _SLIM,
        _SLIM_DOI,
        SUM,
        _domains("", _ONE_GROUP.rstrip() + _TWO_GROUPS, _MINORS),
    ),
    Tool(
        "JBI-case-series",
        "JBI checklist, case series",
        "Munn Z, Barker TH, Moola S, et al. Methodological quality of case series studies: an "
        "introduction to the JBI critical appraisal tool. JBI Evid Synth 2020;18:2127-2133",
        "10.11124/JBISRIR-D-19-00099",
        NO_OVERALL,
        _domains(
            "Q",
            """
            Criteria for inclusion clear
            Condition measured reliably in all
            Condition identified by valid methods in all
            Consecutive inclusion
            Complete inclusion
            Demographics reported clearly
            Clinical information reported clearly
            Outcomes or follow-up reported clearly
            Sites and their demographics reported clearly
            Statistical analysis appropriate
            """,
            _JBI,
        ),
    ),
    Tool(
        "JBI-prevalence",
        "JBI checklist, prevalence studies",
        "Munn Z, Moola S, Lisy K, et al. Methodological guidance for systematic reviews of "
        "observational epidemiological studies reporting prevalence and cumulative incidence data. "
        "Int J Evid Based Healthc 2015;13:147-153",
        "10.1097/XEB.0000000000000054",
        NO_OVERALL,
        _domains(
            "Q",
            """
            Sample frame appropriate
            Participants sampled appropriately
            Sample size adequate
            Participants and setting described in detail
            Analysis covers the sample sufficiently
            Condition identified by valid methods
            Condition measured reliably in all
            Statistical analysis appropriate
            Response rate adequate or its lack handled
            """,
            _JBI,
        ),
    ),
    Tool(
        "JBI-cohort",
        "JBI checklist, cohort studies",
        "Moola S, Munn Z, Sears K, et al. Conducting systematic reviews of association (etiology): "
        "the Joanna Briggs Institute's approach. Int J Evid Based Healthc 2015;13:163-169",
        "10.1097/XEB.0000000000000064",
        NO_OVERALL,
        _domains(
            "Q",
            """
            Groups similar and of one population
            Exposure measured alike in both groups
            Exposure measured validly and reliably
            Confounding factors identified
            Confounding dealt with
            Free of the outcome at the start
            Outcomes measured validly and reliably
            Follow-up long enough
            Follow-up complete or its loss explained
            Incomplete follow-up dealt with
            Statistical analysis appropriate
            """,
            _JBI,
        ),
    ),
)
TOOLS: dict[str, Tool] = {tool.code: tool for tool in _ALL}
"""Every tool by its code in the column `tool`."""
