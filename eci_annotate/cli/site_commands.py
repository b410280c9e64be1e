"""`eci-annotate site`: credentials with which hospitals' proxies upload de-identified files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, progress, say, service, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import BadPolicy

site = typer.Typer(help="Credentials of hospitals' proxies: issue, list, revoke.", no_args_is_help=True)


@site.command()
def issue(
    folder: Folder,
    site: Annotated[str, typer.Option(help="The site's short name, part of the pseudonyms.")],
    policy: Annotated[
        Path | None, typer.Option(help="The site's policy file, as agreed; without one the strictest.", exists=True)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new file for the credential (mode 0600).")] = None,
    project: Project = None,
) -> None:
    """Issue a credential for a site's proxy (owner only). It is shown once; only a digest of it is kept."""
    from eci_annotate.repository.sites import site_credentials
    from eci_annotate.store.atomic_files import write_atomic

    repository = open(folder)
    content = policy_in(policy) if policy else {}
    name, token = site_credentials.issue(local(repository), chosen(repository, project), site, content)
    if out:
        write_atomic(out, token.encode() + b"\n", mode=0o600)
    say(f"Issued {name}. Give it to the site by a safe way: {out or token}")


def policy_in(path: Path) -> dict[str, object]:
    """Return the content of a policy file."""
    import yaml

    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        raise BadPolicy("The policy is not a readable YAML file.", "See docs/deid.md for an example.") from None


@site.command("list")
def list_(folder: Folder) -> None:
    """List the credentials of your projects."""
    from eci_annotate.repository.sites.site_credentials import site_credentials

    rows = [
        [each.id, each.project, each.site, f"{each.at:%Y-%m-%d %H:%M}", each.by, each.revoked[:16] or "valid"]
        for each in site_credentials(local(open(folder)))
    ]
    show("Credentials of sites", ["id", "project", "site", "issued (UTC)", "by", "revoked (UTC)"], rows)


@site.command()
def revoke(folder: Folder, id: Annotated[str, typer.Argument(help="Which credential, as listed.")]) -> None:
    """Revoke a credential (owner only): its uploads are refused from now on."""
    from eci_annotate.repository.sites.site_credentials import revoke as end

    end(local(open(folder)), id)
    say(f"Revoked {id}.")


@site.command()
def reserve(
    folder: Folder,
    id: Annotated[str, typer.Argument(help="The credential of the site's proxy, as listed.")],
    number: Annotated[int, typer.Option(help="How many, up to 1000.", min=1, max=1000)] = 50,
) -> None:
    """Reserve subjects' numbers that a proxy may give while it has no connection (owner only)."""
    from eci_annotate.repository.sites.number_ranges import reserve as reserve_range

    names = reserve_range(local(open(folder)), id, number).subjects()
    say(f"Reserved {names[0]} to {names[-1]}. The site fetches them with: eci-proxy numbers")


@site.command()
def collect(
    folder: Folder,
    id: Annotated[str, typer.Argument(help="The credential of the site that sent the files.")],
    inbox: Annotated[Path, typer.Argument(help="Folder with de-identified files, as SFTP left them.", exists=True)],
) -> None:
    """Take in de-identified files that a site sent by SFTP or SCP; checked like uploads. They are deleted in INBOX."""
    from eci_annotate.repository.sites.arrivals import FileState
    from eci_annotate.repository.sites.ingest_arrivals import collect_files

    sites = service(open(folder)).sites
    arrivals = sites.arrivals(id)
    with progress() as tell:
        digests = collect_files(arrivals, inbox, tell)
        sites.ingest(id)
    states = arrivals.states(digests)
    show("Collected", ["state", "files"], [[s, sum(e.state is s for e in states.values())] for s in FileState])
