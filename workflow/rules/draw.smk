"""The figures of each outcome, from its result alone, and those of the whole review.

INPUTS: results/<outcome>/result.json, results/review/review.json
OUTPUTS: results/<outcome>/<figure>.*, results/review/<figure>.*

One rule per outcome, because outcomes differ in the figures that their data allow.
"""

for OUTCOME in JOBS.outcomes:

    rule:
        name:
            f"draw_{OUTCOME}"
        input:
            result=f"results/{OUTCOME}/result.json",
        output:
            JOBS.figure_files(OUTCOME),
        log:
            f"results/logs/draw/{OUTCOME}.log",
        conda:
            "../../envs/python.yaml"
        params:
            display=display_of(OUTCOME),
            figures=JOBS.figures(OUTCOME),
            formats=JOBS.review.formats,
            code=code_digest("draw"),
        shell:
            r"""
            python -m metamill draw \
                --result {input.result:q} \
                --display {params.display:q} \
                --figures {params.figures:q} \
                --formats {params.formats:q} \
                --code {params.code:q} \
                2> >(tee {log:q} >&2)
            """


if JOBS.review_figures():

    rule draw_review:
        """Draw the whole review: flow of studies, risk of bias, follow-up."""
        input:
            results=RESULTS,
            review="results/review/review.json",
        output:
            JOBS.review_figure_files(),
        log:
            "results/logs/draw_review.log",
        conda:
            "../../envs/python.yaml"
        params:
            look=look_of,
            figures=JOBS.review_figures(),
            formats=JOBS.review.formats,
            code=code_digest("draw_review"),
        shell:
            r"""
            python -m metamill draw_review {input.results:q} \
                --review-result {input.review:q} \
                --look {params.look:q} \
                --figures {params.figures:q} \
                --formats {params.formats:q} \
                --code {params.code:q} \
                2> >(tee {log:q} >&2)
            """
