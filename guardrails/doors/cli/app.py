"""All commands. Their modules import what is heavy only when a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from . import approvals, classify, data, demo, export, identity, policy, project, serve, transcripts

app = typer.Typer(
    help="Let an AI agent work on production data without touching it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from .... import __version__

        typer.echo(f"gloveport {__version__}")
        raise typer.Exit


@app.callback()
def gloveport(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Let an AI agent work on production data without touching it."""


app.command("init")(project.init)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("call")(serve.call)
app.command("install")(project.install)
app.command("doctor")(project.doctor)
app.add_typer(identity.app, name="identity")
app.command("classify")(classify.classify)
app.command("export")(export.export)
app.command("scan")(data.scan)
app.command("mask")(data.mask)
app.add_typer(policy.app, name="policy")
app.command("sessions")(transcripts.sessions)
app.command("show")(transcripts.show)
app.command("play")(transcripts.play)
app.command("replay")(transcripts.replay)
app.command("verify")(transcripts.verify)
app.command("approve")(approvals.approve)
app.command("reject")(approvals.reject)
