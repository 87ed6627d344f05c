"""The numbers of one outcome.

INPUTS: extracted/<table>.csv    OUTPUTS: results/<outcome>/result.json, effects.csv
"""


rule pool:
    """Pool one outcome: every analysis its settings name."""
    input:
        table=ancient(table_of),
    output:
        result="results/{outcome}/result.json",
        effects="results/{outcome}/effects.csv",
    log:
        "results/logs/pool/{outcome}.log",
    conda:
        "../../envs/python.yaml"
    params:
        settings=settings_of,
        rows=rows_of,
        bias=bias_of,
        code=code_digest("pool"),
    shell:
        r"""
        python -m metamill pool \
            --settings {params.settings:q} \
            --rows {params.rows:q} \
            --bias {params.bias:q} \
            --result {output.result:q} \
            --effects {output.effects:q} \
            2> >(tee {log:q} >&2)
        """
