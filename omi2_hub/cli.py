"""The command line `omi2-hub`: options in, one function called, its result told.

Exit codes: 0 ok, 1 refused, 2 usage, 3 the Hub failed (the same command resumes), 130 stopped by
Ctrl-C (it resumes as well). Everything heavy is imported inside the command that needs it, so that
`--help` answers at once.
"""

import contextlib
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from omi2_hub.cli_preview import preview
from omi2_hub.cli_versions import diff, pull, verify, versions, warn_if_yanked
from omi2_hub.console import Console, guarded, quiet_bars
from omi2_hub.errors import GatesFailed, HubError, RemoteError
from omi2_hub.options import directory_argument, formatted


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="omi2", prog_name="omi2-hub")
def cli() -> None:
    """Publish a dataset that omi2 built: versioned, atomic, verified, and able to be taken back.

    Exit codes: 0 ok, 1 refused, 2 wrong usage, 3 the Hub failed and the same command resumes.
    """


for command in (preview, verify, versions, diff, pull):
    cli.add_command(command)


def run() -> int:
    """Run the command line; turn an error into its sentence. Returns the exit code."""
    return guarded(lambda: cli(standalone_mode=False))


def main() -> None:
    """Run the command line, and end the process at once.

    Arrow reads ahead in threads of its own after `datasets` gave the one row that a verification
    asks for. A thread that is still reading when the interpreter is taken down aborts the process
    (seen with pyarrow 26: exit code 134 after a good push), so it is not taken down.
    """
    code = run()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a stream that was closed is None
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


_repo = click.option("--repo", required=True, metavar="ORG/NAME", help="The dataset on the Hub.")
_index_only = click.option(
    "--index-only-ok", is_flag=True, help="Publish though only the shipped index was compared with."
)
_discard = click.option(
    "--discard-edits", is_flag=True, help="Replace what people changed on main, such as the card."
)
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@cli.command()
@directory_argument
@_repo
@click.option(
    "--version", "wanted", metavar="vX.Y.Z", help="The version to plan for.  [default: the next]"
)
@_index_only
@_discard
@formatted
def plan(
    directory: Path,
    repo: str,
    wanted: str | None,
    index_only_ok: bool,
    discard_edits: bool,
    as_json: bool,
) -> None:
    """Say what a push of DIR would do. Reads only; wants no token for public datasets.

    Exit code 1 if a gate fails. A gate that a flag opens is told, and does not fail the plan.
    """
    from omi2_hub import plan as planning
    from omi2_hub import plan_text, release, remote, versions

    remote.check_name(repo)
    asked = versions.parse(wanted) if wanted else None
    flags = planning.Flags(index_only_ok=index_only_ok, discard_edits=discard_edits)
    made = planning.make(release.read(directory), repo, asked, flags)
    console = Console(as_json)
    console.show(plan_text.as_json(made), plan_text.as_text(made))
    if made.failed:
        raise GatesFailed(_refusal(made))
    if not made.done:
        wanted = "".join(f" {gate.flag}" for gate in made.refused)
        where = shlex.quote(str(directory))
        console.hint(
            f"omi2-hub push {where} --repo {repo} --version {made.version or 'vX.Y.Z'}{wanted}"
        )


@cli.command()
@directory_argument
@_repo
@click.option(
    "--version", "wanted", required=True, metavar="vX.Y.Z", help="The version to publish."
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@click.option("--private", is_flag=True, help="If the dataset has to be created: private.")
@click.option(
    "--lfs", is_flag=True, help="Upload as plain LFS.  [default: Xet where the Hub has it]"
)
@_index_only
@_discard
@_yes
@formatted
def push(
    directory: Path,
    repo: str,
    wanted: str,
    dry_run: bool,
    private: bool,
    lfs: bool,
    index_only_ok: bool,
    discard_edits: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Publish DIR as one version of a dataset: one commit, verified, then tagged.

    Interrupted anywhere, the same command goes on. Exit code 1 if a gate fails, or asks for a flag
    that was not given; nothing is sent then.
    """
    from omi2_hub import plan as planning
    from omi2_hub import plan_text, release, remote, versions
    from omi2_hub import push as pushing

    remote.check_name(repo)
    asked = versions.parse(wanted)
    console = Console(as_json)
    flags = planning.Flags(private, index_only_ok, discard_edits)
    if not dry_run:
        pushing.need_token(repo)  # before gigabytes are hashed
    made = planning.make(release.read(directory), repo, asked, flags, patient=not dry_run)
    if dry_run:
        console.show(plan_text.as_json(made), plan_text.as_text(made))
        if made.refused:
            raise GatesFailed(_refusal(made))
        return
    if made.refused:
        raise HubError(_refusal(made))
    if made.remote.status == "unknown":
        raise RemoteError(made.remote.why)
    if not made.done:
        console.confirm(plan_text.question(made), yes=yes)
    quiet_bars()
    done = pushing.push(made, lfs=lfs, tell=console.tell)
    said = f"published {repo}@{done.version}: commit {done.commit[:12]}, {done.files} files"
    text = f"{said}, {done.sent:,} bytes changed"
    if done.already:
        text = f"{repo}@{done.version} is published already: nothing was uploaded"
    yanked = warn_if_yanked(console, made.remote, repo, done.version)
    console.show({"ok": True, "repo": repo, **asdict(done), "yanked": yanked}, text)
    if not yanked:
        load = f'load_dataset("{repo}", revision="{done.version}")'
        console.hint(f"python -c 'from datasets import load_dataset; print({load})'")


@cli.command()
@click.argument("revision", metavar="ORG/NAME@vX.Y.Z")
@click.option("--reason", required=True, help="Why, for those who use the version.")
@_discard
@_yes
@formatted
def yank(revision: str, reason: str, discard_edits: bool, yes: bool, as_json: bool) -> None:
    """Take a version back. Its tag stays; main says why, and goes back if it held this version."""
    from omi2_hub import remote
    from omi2_hub import yank as yanking

    reason = yanking.check_reason(reason)
    repo, version = remote.check_revision(revision)
    console = Console(as_json)
    seen = yanking.look(repo, version)
    if not seen.before:
        moves = " It is what main holds, so main goes back." if seen.moves else ""
        console.confirm(f"Take {revision} back, for all to see?{moves}", yes=yes)
    quiet_bars()
    done = yanking.yank(seen, reason, discard_edits=discard_edits)
    moved = " and main went back" if done.moved else ""
    text = f"took {revision} back{moved}: commit {done.commit[:12]}; {done.main_says}"
    if seen.before:
        text = f"{revision} was {seen.before.as_text()}; nothing was done now, and {done.main_says}"
    console.show({"ok": True, "repo": repo, **asdict(done)}, text)
    console.hint(f"omi2-hub versions {repo}")


@cli.command()
@directory_argument
@click.option("--check", is_flag=True, help="Exit code 1 if card and manifest disagree.")
@formatted
def card(directory: Path, check: bool, as_json: bool) -> None:
    """Hold the card of DIR against its manifest: configs, files, rows, features, licence."""
    from omi2_hub import card as cards
    from omi2_hub import gates, release

    found = release.read(directory)
    said = [*cards.problems(found.facts.card, found.manifest)]
    licence = gates.licence(found)
    said += [licence.says] if licence.verdict == "fail" else []
    splits = {name: split.rows for name, split in found.manifest.splits.items()}
    text = "\n".join(said) or "the card agrees with the manifest: " + ", ".join(
        f"{name} {rows:,} rows" for name, rows in splits.items()
    )
    Console(as_json).show({"ok": not said, "problems": said, "splits": splits}, text)
    if check and said:
        raise GatesFailed(f"the card of {directory} disagrees with its manifest: build it again")


def _refusal(made: Any) -> str:
    """The gates that stop a push, in one sentence each."""
    return "refused; " + "; ".join(f"{gate.name}: {gate.says}" for gate in made.refused)
