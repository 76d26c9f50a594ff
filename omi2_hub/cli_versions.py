"""The commands that read what is published: `verify`, `versions`, `diff` and `pull`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from omi2_hub.console import Console, quiet_bars
from omi2_hub.errors import HubError
from omi2_hub.options import directory_argument, formatted


@click.command()
@click.argument("revision", metavar="ORG/NAME@vX.Y.Z")
@click.option("--full", is_flag=True, help="Download and hash the data too.")
@formatted
def verify(revision: str, full: bool, as_json: bool) -> None:
    """Check a published version: hashes, rows, schema, card, and that every split loads."""
    from omi2_hub import remote
    from omi2_hub import verify as verifying

    repo, version = remote.check_revision(revision)
    there = remote.need(repo)
    commit = remote.commit_of(repo, there, version)
    quiet_bars()
    found = verifying.verify(repo, commit, full=full)
    console = Console(as_json)
    yanked = warn_if_yanked(console, there, repo, version)
    console.show(
        {"ok": True, "repo": repo, "version": version, "yanked": yanked, **found},
        f"{revision} is right: {found['files']} files, {found['bytes']:,} bytes,"
        f" {found['rows']:,} rows"
        f" ({found['hashes']}); loads {', '.join(found['splits'])}",
    )


@click.command()
@click.argument("repo", metavar="ORG/NAME")
@formatted
def versions(repo: str, as_json: bool) -> None:
    """List the versions: commit, rows, what main holds, what was taken back and why."""
    from omi2_hub import history, remote

    found = history.versions(remote.check_name(repo))
    Console(as_json).show(found, history.as_text(found))


@click.command()
@click.argument("revision", metavar="ORG/NAME@vX.Y.Z")
@click.argument("other", metavar="vX.Y.Z")
@formatted
def diff(revision: str, other: str, as_json: bool) -> None:
    """Say what changed from one version to another: schema, counts, rows by row_id, answers.

    Reads only the narrow columns of files that the two do not share.
    """
    from omi2_hub import diff as diffing
    from omi2_hub import remote

    repo, version = remote.check_revision(revision)
    found = diffing.diff(repo, version, other)
    Console(as_json).show(found, diffing.as_text(found))


@click.command()
@click.argument("revision", metavar="ORG/NAME@vX.Y.Z")
@directory_argument
@formatted
def pull(revision: str, directory: Path, as_json: bool) -> None:
    """Download a version into DIR and check every byte. Interrupted, the same command goes on."""
    from omi2_hub import pull as pulling
    from omi2_hub import remote

    repo, version = remote.check_revision(revision)
    there = remote.need(repo)
    commit = remote.commit_of(repo, there, version)
    console = Console(as_json)
    quiet_bars()
    done = pulling.pull(repo, commit, directory, console.tell)
    if done.others:
        console.tell(f"warning: not of this version: {', '.join(done.others[:5])}; remove them")
    yanked = warn_if_yanked(console, there, repo, version)
    console.show(
        {"ok": True, "repo": repo, "version": version, "yanked": yanked, **asdict(done)},
        f"pulled {revision} into {directory}: {done.files} files ({done.fetched} fetched),"
        f" {done.rows:,} rows, every sha256 right",
    )


def warn_if_yanked(console: Console, there: Any, repo: str, version: str) -> dict[str, str] | None:
    """Warn that a version was taken back; returns its notice."""
    try:
        notice = there.notices.get(version)
    except HubError as error:
        console.tell(f"warning: whether {version} was taken back is not known: {error}")
        return None
    if notice is None:
        return None
    console.tell(f"warning: {repo}@{version} was {notice.as_text()}")
    return asdict(notice)
