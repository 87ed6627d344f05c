"""The whole review: summary, independent recomputation, report.

INPUTS: results/<outcome>/*    OUTPUTS: results/summary.csv, crosscheck.csv, report.html
"""


rule summarise:
    """One row per outcome and analysis."""
    input:
        RESULTS,
    output:
        "results/summary.csv",
    log:
        "results/logs/summarise.log",
    conda:
        "../../envs/python.yaml"
    params:
        code=code_digest("summarise"),
    shell:
        r"""
        python -m metamill summarise {input:q} --summary {output:q} 2> >(tee {log:q} >&2)
        """


rule crosscheck:
    """Recompute the numbers with PyMARE and statsmodels; a difference fails the run."""
    input:
        RESULTS,
    output:
        "results/crosscheck.csv",
    log:
        "results/logs/crosscheck.log",
    conda:
        "../../envs/python.yaml"
    params:
        code=code_digest("crosscheck"),
    shell:
        r"""
        python -m metamill crosscheck {input:q} --crosscheck {output:q} 2> >(tee {log:q} >&2)
        """


rule report:
    """One self-contained page."""
    input:
        results=RESULTS,
        figures=[file for file in FIGURES if file.endswith((".svg", ".txt"))],
        crosscheck="results/crosscheck.csv",
        audit="results/audit.csv",
        second=JOBS.second_files()[-1:],
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    conda:
        "../../envs/python.yaml"
    params:
        about=about_of,
        audit=JOBS.audit_sha256(),
        code=code_digest("report"),
    shell:
        r"""
        python -m metamill report {input.results:q} \
            --about {params.about:q} \
            --crosscheck {input.crosscheck:q} \
            --audit {input.audit:q} \
            --audit-sha256 {params.audit:q} \
            --second {input.second:q} \
            --report {output:q} \
            2> >(tee {log:q} >&2)
        """
