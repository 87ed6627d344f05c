"""The record of the run; made last, so that it exists only for complete results.

INPUTS: every other result    OUTPUTS: results/manifest.json
"""


rule record:
    """Every output with its hash, and what it came from."""
    input:
        DELIVERABLES,
    output:
        "results/manifest.json",
    log:
        "results/logs/record.log",
    conda:
        "../../envs/python.yaml"
    params:
        everything=JOBS.everything(),
        code=package_digest(),
    shell:
        r"""
        python -m metamill record {input:q} \
            --settings {params.everything:q} \
            --code {params.code:q} \
            --manifest {output:q} \
            2> >(tee {log:q} >&2)
        """
