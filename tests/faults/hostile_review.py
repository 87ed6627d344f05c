"""A review whose every free text is an attack or a trap."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

COMMAND = "=cmd()|' /C calc'!A0"
SCRIPT = "<script>alert('hostile')</script>"
IMAGE = '<img src=x onerror="alert(1)">'
TURNED = "\u202eSmith\u202c 2020 \u2067(n = 12)\u2069"
LONG = "A group of authors with a name of many words " * 5
UNBROKEN = "Donaudampfschifffahrt" * 10
ARABIC = "محمد علي 2020"
HEBREW = "כהן ואחרים 2019"
CHINESE = "王小明 2021"
EMOJI = "Smith \N{GRINNING FACE} 2018"
DEVANAGARI = "शर्मा 2017"
COMBINED = "Mu\u0308ller Nu\u0303ez 2016"
TEXTS = (
    COMMAND,
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=2+2",
    "'=3+3",
    "a;=cmd()|' /C calc'!A0",
    "\uff1d1+1",
    SCRIPT,
    IMAGE,
    "]]> <![CDATA[ x ]]>",
    "--> <!-- -- x --->",
    "{{ 7*7 }}",
    "{% raw %} {# x #} {% endraw %}",
    "${HOME} $(id) `id`",
    "{x} {0} {{}} %s %(x)s",
    "$x_$ and $5 vs $6",
    "\\input{/etc/passwd}",
    "\\N{BULLET} \\n \\u0041",
    "& % _ # ~ ^ &amp; &lt;",
    "a | b || c",
    "two\nlines",
    "javascript:alert(1)",
    '" onmouseover="alert(1)',
    "_leading underscore",
    "Smith 2020",
    "SMITH 2020",
    TURNED,
    ARABIC,
    HEBREW,
    CHINESE,
    EMOJI,
    DEVANAGARI,
    COMBINED,
    LONG,
    UNBROKEN,
    "NA",
    "001",
    "1e5",
    "x; touch ran; true",
)
"""What stands where a review may hold any words."""

BY_FORMULA = "+HYPERLINK(1)"
BY_SCRIPT = "<script>by</script>"


def words(index: int) -> str:
    return TEXTS[index % len(TEXTS)]


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, "", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _config(formats: Sequence[str], few: bool) -> dict[str, Any]:
    model = {"method": "REML", "test": "adhoc"}
    trials = {
        "title": f"{COMMAND} {SCRIPT} $x_$",
        "table": "trials.csv",
        "measure": "OR",
        "direction": "lower",
        "groups": {"treatment": IMAGE, "control": "{{ 7*7 }} | b"},
        "subgroups": [BY_FORMULA],
        "moderators": ["year", BY_SCRIPT],
        "cumulative": "year",
        "exclude": [{"left": "yes", "reason": f"{COMMAND} {IMAGE} {TURNED} {{{{ 7*7 }}}}"}],
        "sensitivity": [
            {"name": "=1+1 <b>x</b> {{ 7*7 }} ${x}", "method": "DL"},
            {"name": "with what was left out", "include": {"left": "yes"}},
        ],
        **model,
    }
    share = {
        "title": f"{SCRIPT} {{% raw %}} \\input{{/etc/passwd}}",
        "table": "share.csv",
        "measure": "PLO",
        "method": "GLMM",
        "test": "t",
    }
    change = {
        "title": f"-1+1 {HEBREW} {EMOJI} {'y' * 120}",
        "table": "change.csv",
        "measure": "MC",
        "direction": "lower",
        "scale": {"min": 0, "max": 100, "important_difference": 10},
        **model,
    }
    about = {
        "title": f"{IMAGE} {{{{ 7*7 }}}} {TURNED} ]]>",
        "authors": [COMMAND, SCRIPT, ARABIC],
        "registration": "javascript:alert(1)",
        "question": f'" onmouseover="alert(1) {SCRIPT} --> $x_$',
        "note": f"{{% raw %}} {DEVANAGARI} {LONG}",
    }
    outcomes = {"trials": trials} | ({} if few else {"share": share, "change": change})
    return {"review": about, "outcomes": outcomes, "figures": {"formats": list(formats)}}


def _rows() -> Iterator[tuple[int, dict[str, object]]]:
    for i in range(len(TEXTS)):
        yield (
            i,
            {
                "study": f"S{i}" if i % 4 else f"{('=', '+', '-', '@')[i // 4 % 4]}S{i}",
                "source": words(i + 1),
                "location": words(i + 2),
                "quote": words(i + 3),
                "note": words(i + 4),
                "value_status": words(i + 5),
            },
        )


def write_review(folder: Path, formats: Sequence[str] = ("svg",), few: bool = False) -> Path:
    """Write the review; `few`: its trials alone."""
    extracted = folder / "extracted"
    extracted.mkdir(parents=True)
    config = json.dumps(_config(formats, few), ensure_ascii=False, indent=1)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    told = ("source", "location", "quote", "note", "value_status")
    studies, trials, share, change, bias = [], [], [], [], []
    for i, row in _rows():
        n = 40 + 7 * i % 50
        studies.append(
            {
                "study": row["study"],
                "label": words(i),
                "citation": words(i + 6),
                "country": words(i + 7),
                "design": words(i + 8),
                "year": 1990 + i % 30,
            }
        )
        trials.append(
            row
            | {
                "events_treatment": 2 + 5 * i % 11,
                "total_treatment": n,
                "events_control": 4 + 3 * i % 13,
                "total_control": n + 3,
                BY_FORMULA: ("=1+1", "-1+1", IMAGE, "")[i % 4],
                BY_SCRIPT: (COMMAND, "{{ 7*7 }}")[i % 2],
                "left": "yes" if i == 3 else "",
            }
        )
        if i < 14:
            share.append(row | {"events": i % 5, "total": n, "unit": "patient"})
        if i > 28:
            change.append(
                row
                | {"mean_pre": 60 + i % 5, "sd_pre": 12, "mean_post": 30 + i % 7, "n": n}
                | {"se_post" if i % 3 else "sd_post": 2 if i % 3 else 14, "scale": TURNED}
            )
        if i % 3 == 0:
            bias += [
                {
                    "study": row["study"],
                    "tool": "RoB2",
                    "domain": f"D{domain}",
                    "judgement": ("low", "some concerns", "high")[(i + domain) % 3],
                    "support": words(i + domain),
                    "source": words(i + domain + 1),
                    "location": words(i + domain + 2),
                }
                for domain in range(1, 6)
            ]

    def write(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        (extracted / name).write_text(_table(columns, rows), encoding="utf-8")

    arms = [f"{what}_{arm}" for arm in ("treatment", "control") for what in ("events", "total")]
    scores = ("mean_pre", "sd_pre", "mean_post", "sd_post", "se_post", "n", "scale")
    write("studies.csv", ("study", "label", "citation", "country", "design", "year"), studies)
    write("trials.csv", ("study", *arms, BY_FORMULA, BY_SCRIPT, "left", *told), trials)
    write("share.csv", ("study", "unit", "events", "total", *told), share)
    write("change.csv", ("study", *scores, *told), change)
    columns = ("study", "tool", "domain", "judgement", "support", "source", "location")
    write("risk_of_bias.csv", columns, bias)
    flow = {
        "source": f"{COMMAND} {SCRIPT}",
        "databases": [{"name": text, "records": 10} for text in TEXTS[:6]],
        "screened": 60,
        "excluded": 10,
        "sought": 50,
        "not_retrieved": 0,
        "assessed": 50,
        "excluded_reports": [{"reason": text, "reports": 1} for text in TEXTS[6:15]],
        "included": {"studies": 41, "reports": 41},
    }
    text = json.dumps(flow, ensure_ascii=False, indent=1)
    (extracted / "flow.yaml").write_text(text, encoding="utf-8")
    return folder
