"""Studies, judgements and flows made up for the tests of figures: they belong to nobody."""

from collections.abc import Callable, Sequence

from metamill.config.flow import Exclusion, Flow, Included, OtherMethods, Removed, Searched
from metamill.review_result import Assessment, Judgement, ReviewResult, Study, Tool
from metamill.tables.assessments import NOT_JUDGED
from metamill.tables.bias_tools import NONE, OVERALL, STATED, SUM, TOOLS

FULL_FLOW = Flow(
    "the search log",
    (Searched("PubMed", 12040), Searched("Embase", 3100)),
    (Searched("ClinicalTrials.gov", 35),),
    Removed(2871, None, 3),
    12301,
    12100,
    201,
    11,
    190,
    (
        Exclusion("Wrong population", 80),
        Exclusion("No augmentation described in text, table or supplement", 60),
        Exclusion("Double publication", 15),
    ),
    OtherMethods(10, 2, 24, 36, 1, 35, (Exclusion("Not the intervention", 30),)),
    Included(12, 14),
    Included(38, 40),
)
SIMPLE_FLOW = Flow(
    "the search log",
    (Searched("PubMed", 100),),
    removed=Removed(10),
    screened=90,
    excluded=80,
    sought=10,
    not_retrieved=0,
    assessed=10,
    excluded_reports=(Exclusion("Not the outcome", 3),),
    included=Included(7, 7),
)


def assessment(
    tool: Tool, study: str, label: str, pick: Callable[[int, int], int], overall: int | None = 0
) -> Assessment:
    """A study whose domain i has the judgement pick(i, number of them); -1 is not judged."""
    judged, points = [], 0
    for index, domain in enumerate(tool.domains):
        place = pick(index, len(domain.levels))
        if place < 0:
            judged.append(Judgement(domain.code, domain.name, NOT_JUDGED, NONE))
            continue
        level = domain.levels[place]
        points += level.points or 0
        judged.append(Judgement(domain.code, domain.name, level.judgement, level.kind))
    whole = score = None
    if tool.overall == STATED and overall is not None:
        level = tool.domains[0].levels[overall]
        whole = Judgement(OVERALL, "Overall", level.judgement, level.kind)
    if tool.overall == SUM and all(item.judgement != NOT_JUDGED for item in judged):
        score = points
    return Assessment(
        study, label, tool.code, tool.name, "", tuple(judged), whole, score, tool.most
    )


def judged_review(
    labels: Sequence[str], tools: Sequence[str] = ("RoB2",), seed: int = 0, flow: Flow | None = None
) -> ReviewResult:
    """Studies of these names, judged by the tools in turn; every ninth without an overall."""
    studies = tuple(
        Study(f"S{i}", label, 1990 + i % 35, ("pain",)) for i, label in enumerate(labels)
    )
    judged = []
    for index, study in enumerate(studies):
        tool = TOOLS[tools[index % len(tools)]]

        def pick(domain: int, count: int, index: int = index) -> int:
            place = (7 * index + 3 * domain * domain + domain + seed) % (4 * count + 1)
            return -1 if place == 4 * count else place % count

        levels = len(tool.domains[0].levels)
        overall = None if index % 9 == 8 else (index + seed) % levels
        judged.append(assessment(tool, study.study, study.label, pick, overall))
    used = {item.tool for item in judged}
    known = tuple(tool for code, tool in TOOLS.items() if code in used)
    return ReviewResult("Screws", studies, known, tuple(judged), flow)
