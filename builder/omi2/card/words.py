"""The words of the card that no release changes: what columns and pictures mean, known terms."""

from omi2 import rows

COLUMNS = {
    "problem": "the problem, as text with LaTeX",
    "generated_solution": "the solution, which states its answer",
    "expected_answer": "the gold answer of a seed, the majority answer of a new problem",
    "problem_source": "the seed set, or augmented_ and the seed set for a new problem",
    "row_id": "hash of problem and solution: the same in every version",
    "problem_id": "hash of the problem",
    "seed_id": "problem_id of the seed it was written from; a seed's own",
    "teacher": "the model that wrote the solution",
    "prompt": "id of the few-shot prompt it was asked with",
    "temperature": "sampling temperature of the solution",
    "top_p": "nucleus of the sampling",
    "seed": "random seed of the request; null where the teacher took none",
    "votes": "samples of this problem that gave the expected answer",
    "votes_total": "samples of this problem that gave any answer",
    "answer_type": f"one of {', '.join(rows.ANSWER_TYPES)}",
    "solution_tokens": "pieces of the Llama 3.1 pre-tokenizer: a few percent below its tokens",
    "grader": "what compared the answers, with its version",
    "overlap": "highest score with any benchmark item, the benchmark and the item",
}
"""What each column of `rows.ROWS` means."""

PICTURES = {
    "funnel": "From seeds to rows: what was left and what was dropped at every stage",
    "sources": "Rows by source",
    "lengths": "Length of solutions in tokens",
    "votes": "Share of the votes that the expected answer got",
    "answer-types": "Kinds of answers",
    "overlap": "Problems dropped for each benchmark",
}
"""The pictures, and what they say to who cannot see them."""

TERMS = {
    "SmolLM2": "its model card says Apache-2.0",
    "Llama-3.1": (
        "the Llama 3.1 Community License: show “Built with Llama”, and begin the name of a "
        "model trained on this data with “Llama”"
    ),
}
"""Terms of well-known teachers, by the beginning of their names (also after an organisation)."""
