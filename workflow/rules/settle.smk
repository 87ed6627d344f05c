"""The settings as used, what the audit found, and the review as a whole.

INPUTS: config.yaml, extracted/
OUTPUTS: results/run_config.yaml, audit.csv, review/review.json; second_*.csv, review/second.json
"""


rule settle:
    """Write down the settings after defaults and overrides, findings, judgements and flow."""
    output:
        run_config="results/run_config.yaml",
        audit="results/audit.csv",
        review="results/review/review.json",
        second=JOBS.second_files(),
    log:
        "results/logs/settle.log",
    conda:
        "../../envs/python.yaml"
    params:
        settings=JOBS.all_settings(),
        overrides=overrides_of,
        whole=JOBS.whole().digest,
        found=JOBS.found(),
        code=code_digest("settle"),
    shell:
        r"""
        python -m metamill settle \
            --overrides {params.overrides:q} \
            --whole {params.whole:q} \
            --found {params.found:q} \
            --run-config {output.run_config:q} \
            --audit {output.audit:q} \
            --review-result {output.review:q} \
            2> >(tee {log:q} >&2)
        """
