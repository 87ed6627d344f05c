"""The codes at the end of messages about audit, acceptances and second extractions.

docs/errors/audit.md has a section for each.
"""

CODES: dict[str, str] = {
    "acceptance-without-number": "an accepted row gives no number even as it is printed",
    "copied-extraction": "the second extraction is the same file as the first",
    "idle-acceptance": "an acceptance answers no finding that holds a row out",
    "misnamed-file": "a file would be read if its name were spelt otherwise",
    "missing-second": "there is no second extraction to compare",
    "not-compared": "a table or column stands in one extraction only",
    "nothing-left": "the audit leaves an outcome no row to pool",
    "nothing-to-compare": "the folder of the second extraction holds no table",
    "second-without-first": "a table of the second extraction has none to be compared with",
}
