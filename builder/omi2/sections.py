"""The sections of a recipe: every setting, its default, its range and where its number is from.

One dataclass for each stage, named as the stage, and `Teacher` and `Source`, which several share.
Numbers cite the paper (arXiv 2410.01560) or NVIDIA's released recipe in `recipes/*.toml`.
"""

import re
from dataclasses import dataclass, field

from omi2.settings import BySource, at_least, one_of, same


@dataclass(frozen=True)
class Source:
    """Where problems come from: a file, a data set on the Hub, or what ships with the package."""

    name: str
    """Becomes `problem_source`."""
    file: str = ""
    """A Parquet file with the columns id, problem, answer, split (subject where there is one)."""
    package: str = ""
    """A set that ships with omi2, by name."""
    dataset: str = ""
    """A data set on the Hub, ORG/NAME."""
    revision: str = ""
    """Its commit. Without one the newest is taken, and recorded."""
    subsets: tuple[str, ...] = ()
    """Its configs; none means the default one."""
    split: str = "train"
    """Only rows of this split are taken; "" takes all."""
    problem: str = "problem"
    """The column with the problem."""
    answer: str = "answer"
    """The column with the answer, or with the solution that holds it; "" for none."""
    answer_form: str = "as_is"
    """as_is; hash_marks: what follows `####`; boxed: the last `\\boxed{}` of a solution."""
    subjects: tuple[str, ...] = ()
    """Only problems of these subjects; none means all."""
    distinct: bool = False
    """Take equal (problem, answer) rows once: for a file with a row per generation."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.file, self.package, self.dataset))) != 1:
            raise ValueError(f"source {self.name!r} needs exactly one of file, package, dataset")
        one_of("answer_form", self.answer_form, ("as_is", "hash_marks", "boxed"))


TEACHER_BOUNDS = {"concurrency": 1, "retries": 0, "choices": 1, "timeout_s": 0.001, "gpus": 0,
                  "gpu_hour_price": 0, "outage_s": 0}  # fmt: skip
ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]*")
"""Names of environment variables, as POSIX has them: what has small letters may be a key."""


@dataclass(frozen=True)
class Teacher:
    """Where text comes from."""

    endpoints: tuple[str, ...] = ("embedded",)
    """embedded, embedded:FILE.gguf, embedded:ORG/REPO/FILE.gguf, openai:URL, tgi:URL, chat:URL,
    replay:FILE or file:ENDPOINTS.txt; several share the work. A server may have options behind its
    address: weight=2 concurrency=64 key_env=NAME."""
    model: str = ""
    """Its name on the endpoint; "" asks."""
    concurrency: int = 512
    """At most this many requests in flight at each endpoint; the best number is found below it."""
    timeout_s: float = 600.0
    """Seconds for one request."""
    retries: int = 6
    """Tries again of one sample before it is given up."""
    outage_s: float = 3600.0
    """Seconds to wait while no endpoint answers, before the build stops."""
    choices: int = 1
    """Samples to ask for in one request (`n`) where an OpenAI-style endpoint honours it."""
    mixed: bool = False
    """Whether endpoints may serve different models."""
    key_env: str = "OMI2_API_KEY"
    """The environment variable with the endpoint's key; the key itself is never written down."""
    gpus: float = 0.0
    """GPUs behind each endpoint: for the GPU-hours in `omi2 teachers report`."""
    gpu_hour_price: float = 0.0
    """What one of them costs in an hour, in any currency."""

    def __post_init__(self) -> None:
        for name, least in TEACHER_BOUNDS.items():
            at_least(name, getattr(self, name), least)
        if self.key_env and not ENVIRONMENT.fullmatch(self.key_env):  # perhaps the key: not told
            raise ValueError(
                "key_env is no name of an environment variable (capitals, digits, _); the key "
                "itself stands in that variable and in no recipe"
            )
        if not self.endpoints:
            raise ValueError("endpoints is empty: name at least one")


@dataclass(frozen=True)
class Seed:
    """Stage 1: which problems to begin with."""

    sources: tuple[Source, ...] = ()
    limit: int = 0
    """Take this many seeds, chosen by hash; 0 takes all."""
    max_chars: int = 20_000
    """A longer problem is dropped: nobody asks one, and it would fill a teacher's context."""
    max_problem_tokens: int = 1024  # the same in tokens, as in [augment] and [filter]

    def __post_init__(self) -> None:
        for name, least in (("limit", 0), ("max_chars", 1), ("max_problem_tokens", 1)):
            at_least(name, getattr(self, name), least)


@dataclass(frozen=True)
class Sampling:
    """How a teacher is asked."""

    prompt: BySource = field(default_factory=lambda: same(""))
    """A few-shot set in `prompts/`, by file name, or the path of one."""
    temperature: BySource = field(default_factory=lambda: same(1.0))
    top_p: float = 0.95
    max_tokens: int = 2048

    def __post_init__(self) -> None:
        at_least("temperature", self.temperature, 0.0)
        at_least("max_tokens", self.max_tokens, 1)
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p is {self.top_p}: it lies above 0, up to 1")


@dataclass(frozen=True)
class Augment(Sampling):
    """Stage 2: new problems, each inspired by a seed."""

    problems: BySource = field(default_factory=lambda: same(0))
    """New problems to ask for, per seed."""
    limit: int = 0
    """Ask for this many in all, from seeds chosen by hash; 0 sets no limit."""
    min_chars: int = 20
    """A shorter problem is dropped."""
    max_chars: int = 4_000
    """A longer problem is dropped."""
    max_problem_tokens: int = 1024  # the same in tokens, as in [seed] and [filter]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("problems", "limit", "min_chars"):
            at_least(name, getattr(self, name), 0)
        for name in ("max_chars", "max_problem_tokens"):
            at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class Decontaminate:
    """Stage 3: problems that overlap with a benchmark's test set are dropped."""

    enabled: bool = True
    index: tuple[str, ...] = ("test-sets",)
    """Overlap indexes: names that ship with omi2, or paths of .npz files."""
    benchmarks: tuple[Source, ...] = ()
    """Benchmark texts to compare with as well."""
    ngram: int = 8
    """Words in an n-gram (8: Tulu 3, arXiv 2411.15124, section 3.2)."""
    overlap: float = 0.5
    """A test item is matched when more than this share of its words lies in shared n-grams."""
    strict: bool = True
    """Also drop a problem that is a test item with other numbers."""
    masked_overlap: float = 0.75
    """The share for that, over n-grams whose numbers are masked."""
    template: float = 0.85
    """The likeness of the words, numbers apart, above which it is one too: of 2,261 labelled number
    changes 99.4% are found with it, 99.0% by n-grams alone (overlap/nearest.py)."""
    rephrase: float = 0.5
    """The scorers' value from which a problem is an item told in other words; 0.5 flags 0.2% of
    GSM8K train and 3% of MATH train against their test sets (overlap/rephrase.toml)."""
    embed: str = "auto"
    """The embedding model that decides what words leave open, for benchmarks whose texts are at
    hand: a folder, a name or ORG/NAME@REVISION (overlap/models.py); auto is that of the extra
    `embed`, where it is installed; off is none."""
    minhash: float = 0.6
    """Jaccard similarity of word 3-grams from which MinHash matches; needs benchmark texts."""
    near_copies: float = 0.8
    """The same between new problems, and with seeds, from which only one is kept; 0 keeps all."""
    judge: str = "off"
    """Who is asked about problems that come near an item and stay below every threshold: off,
    teacher (the endpoints of [teacher]) or judge (those of [judge])."""
    judge_from: float = 0.05
    """The score from which the judge is asked; 0.5 is the threshold of every rule. From 0.05 it is
    asked about 5% of GSM8K train, 50% of MATH train and 67 of 120 labelled paraphrases that words
    miss; from 0.25 about 1%, 34% and 37."""
    judge_prompt: str = "judge"
    """The judge's question: a few-shot set in `prompts/`, by name, or the path of one."""
    judge_tries: int = 3
    """How often a question is asked before its answer counts as unknown."""

    def __post_init__(self) -> None:
        at_least("ngram", self.ngram, 2)
        for name in ("overlap", "masked_overlap", "template", "rephrase", "minhash"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}: it lies above 0, up to 1")
        if not 0.0 <= self.near_copies <= 1.0:
            raise ValueError(f"near_copies is {self.near_copies}: it lies between 0 and 1")
        one_of("judge", self.judge, ("off", "teacher", "judge"))
        at_least("judge_tries", self.judge_tries, 1)
        if not 0.0 <= self.judge_from <= 0.5:
            raise ValueError(f"judge_from is {self.judge_from}: it lies between 0 and 0.5")


@dataclass(frozen=True)
class Solve(Sampling):
    """Stage 4: solutions."""

    samples: BySource = field(default_factory=lambda: same(8))
    """Solutions to ask for, per problem."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("samples", self.samples, 0)


@dataclass(frozen=True)
class Grade:
    """Stage 5: which answers are right."""

    extract: str = "strict"
    """strict: a box or a stated final answer; relaxed: else the last number."""
    min_votes: int = 1
    """Without gold, the winning answer needs this many votes."""
    min_share: float = 0.0
    """Without gold, the winning answer needs this share of the votes."""
    ties: str = "drop"
    """Without gold, a tie at the top drops the problem (drop), or the lower hash wins (hash)."""
    timeout_s: float = 2.0
    """Seconds for one comparison before it counts as unknown."""
    noise: float = 0.0
    """For experiments: exchange this share of each problem's right solutions for wrong ones, where
    there are any. Such rows have 0 votes; 0.2 is what training survives (paper, section 3.1)."""

    def __post_init__(self) -> None:
        one_of("extract", self.extract, ("strict", "relaxed"))
        one_of("ties", self.ties, ("drop", "hash"))
        at_least("min_votes", self.min_votes, 1)
        at_least("timeout_s", self.timeout_s, 0.001)
        if not 0.0 <= self.min_share <= 1.0:
            raise ValueError(f"min_share is {self.min_share}: it lies between 0 and 1")
        if not 0.0 <= self.noise < 1.0:
            raise ValueError(f"noise is {self.noise}: it lies at or above 0, below 1")


MARKS = ("no_box", "control_tokens", "diagram", "code")
"""What `omi2.marks` flags in a solution."""


@dataclass(frozen=True)
class Filter:
    """Stage 6: which right solutions are good ones."""

    one_box: bool = True
    """Drop a solution with more than one box."""
    trim: str = "sentence"
    """Cut after the answer's sentence (paper), its line (repo), or nothing: sentence, line, off."""
    arithmetic: bool = True
    """Drop a solution whose plain arithmetic is wrong."""
    arithmetic_split: bool = True
    """Write a calculation of several steps as the chain of its steps."""
    box_matches: bool = True
    """Drop a solution that, once cut, ends with another answer than the one that was graded."""
    drop_marked: tuple[str, ...] = ()
    """Marks that drop a solution: no_box, control_tokens, diagram, code. All are flagged."""
    min_chars: int = 200
    max_tokens: int = 1024
    max_problem_tokens: int = 1024

    def __post_init__(self) -> None:
        one_of("trim", self.trim, ("sentence", "line", "off"))
        for mark in self.drop_marked:
            one_of("drop_marked", mark, MARKS)
        at_least("min_chars", self.min_chars, 0)
        at_least("max_tokens", self.max_tokens, 1)
        at_least("max_problem_tokens", self.max_problem_tokens, 1)


@dataclass(frozen=True)
class Split:
    """Stage 7: the release's tiers and shards."""

    tiers: tuple[int, ...] = (1_000_000, 2_000_000, 5_000_000)
    """The sizes of the smaller splits, in rows; each holds the one before."""
    shard_mb: int = 256
    """About how large a shard's text may be, in MB."""
    problems: int = 0
    """For experiments: release so many problems, chosen by hash; 0 releases all. Question diversity
    counts most (paper, section 3.2: 1K to 6.5K problems at a fixed number of rows)."""
    rows_per_problem: int = 0
    """For experiments: release at most so many rows of a problem, chosen by hash; 0 means all."""
    match: str = ""
    """For experiments: the folder of another release. Only its problems are released, and of each
    at most as many rows as it has. Two releases that were matched with each other, one after the
    other, cover the same problems with as many rows each: the paper's fair comparison."""
    allow_empty: bool = False
    """Whether a release of no rows is written; otherwise that is an error."""

    def __post_init__(self) -> None:
        if list(self.tiers) != sorted(set(self.tiers)) or any(n < 1 for n in self.tiers):
            raise ValueError(f"tiers is {list(self.tiers)}: sizes must rise")
        for name, least in (("shard_mb", 1), ("problems", 0), ("rows_per_problem", 0)):
            at_least(name, getattr(self, name), least)
