"""Made-up tables of statements, in memory."""

from metamill.tables.table import Table, TableRow

COLUMNS = (
    "study,quantity,group,category,part_of,occasion,section,unit,n,events,total,percent,mean,sd,"
    "min,max,time_months,p_printed,location"
).split(",")


def table(*statements: dict[str, str]) -> Table:
    """One row per statement, from line 2; what is not given is empty, the study is A."""
    common = {"study": "A", "quantity": "x", "group": "all", "section": "results"}
    rows = [
        TableRow(line, dict.fromkeys(COLUMNS, "") | common | {"location": f"L{line}"} | statement)
        for line, statement in enumerate(statements, 2)
    ]
    return Table("extracted/statements.csv", tuple(COLUMNS), tuple(rows))
