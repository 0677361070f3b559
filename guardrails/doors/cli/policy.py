"""`gloveport policy`: check the rules, run their tests, and ask why a call is allowed or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import FINDING, ConfigOption, JsonOption, UserError, configuration, print_json

if TYPE_CHECKING:
    from ....policies.loader import Bundle
    from ....policies.statements import Finding
    from ...config import Config

app = typer.Typer(help="Check, test and explain policies.", no_args_is_help=True, rich_markup_mode=None)

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Another policy folder than the configuration's, for the same names.")
]


@app.command("check")
def check(config: ConfigOption = None, folder: FolderOption = None, json: JsonOption = False) -> None:
    """Print every finding as file:line: message. Exit code 1 when the policy would not load."""
    from ....policies.loader import PolicyError

    settings = _settings(config)
    try:
        bundle = _bundle(settings, folder)
        findings = bundle.warnings
    except PolicyError as error:
        bundle, findings = None, error.findings
    if json:
        print_json({"loads": bundle is not None, "findings": [_finding(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(str(finding))
        if bundle is not None:
            typer.echo(f"{bundle.name} version {bundle.version}: {len(bundle.rules)} rules, {bundle.digest}", err=True)
    if bundle is None:
        raise typer.Exit(FINDING)


def _settings(config: Path | None) -> Config:
    return configuration(config)[1]


def _bundle(settings: Config, folder: Path | None) -> Bundle:
    """The bundle a server of this configuration would start with. Raises `PolicyError`, `UserError`."""
    from ....policies.store import PolicyStore
    from ....tools.load import ToolLoadError, load_tools
    from ...decision import site_vocabulary

    try:
        own = load_tools(settings.tools)
    except ToolLoadError as error:
        raise UserError(str(error)) from None
    site = site_vocabulary(settings, [tool.spec.name for tool in own])
    return PolicyStore.load(folder or settings.policies, site=site).bundle


def _finding(finding: Finding) -> dict[str, object]:
    level = "warning" if finding.warning else "error"
    return {"file": finding.file, "line": finding.line, "level": level, "message": finding.message}
