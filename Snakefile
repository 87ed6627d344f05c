"""metamill: from extracted study tables to pooled estimates, figures and a report.

The review is the folder Snakemake works in (its config.yaml and extracted/); results/ is made:

    settle -> pool -> draw
                   -> summarise, crosscheck -> report -> record

Run it with `snakemake`, or on any other review with
`snakemake --snakefile <this file> --directory <review> --cores 2`.
"""

from snakemake.utils import min_version

min_version("9.18")


include: "workflow/rules/common.smk"


rule all:
    input:
        DELIVERABLES,
        "results/manifest.json",


include: "workflow/rules/settle.smk"
include: "workflow/rules/pool.smk"
include: "workflow/rules/draw.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/record.smk"
