"""The figures of one outcome, from its result alone.

INPUTS: results/<outcome>/result.json    OUTPUTS: results/<outcome>/forest.*
"""


rule draw:
    """Draw one outcome: forest plot, the numbers in it, and its description."""
    input:
        result="results/{outcome}/result.json",
    output:
        FORESTS,
    log:
        "results/logs/draw/{outcome}.log",
    conda:
        "../../envs/python.yaml"
    params:
        display=display_of,
        formats=JOBS.review.formats,
        code=code_digest("draw"),
    shell:
        r"""
        python -m metamill draw \
            --result {input.result:q} \
            --display {params.display:q} \
            --formats {params.formats:q} \
            --folder results/{wildcards.outcome:q} \
            2> >(tee {log:q} >&2)
        """
