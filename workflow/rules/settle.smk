"""The settings as used and what reading the tables found.

INPUTS: config.yaml, extracted/    OUTPUTS: results/run_config.yaml, results/audit.csv
"""


rule settle:
    """Write down the settings after defaults and overrides."""
    output:
        run_config="results/run_config.yaml",
        audit="results/audit.csv",
    log:
        "results/logs/settle.log",
    conda:
        "../../envs/python.yaml"
    params:
        settings=JOBS.all_settings(),
        overrides=overrides_of,
        notices=notices_of,
        code=code_digest("settle"),
    shell:
        r"""
        python -m metamill settle \
            --overrides {params.overrides:q} \
            --run-config {output.run_config:q} \
            --audit {output.audit:q} \
            2> >(tee {log:q} >&2)
        """
