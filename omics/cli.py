"""The command ``omics``. Each command imports what it needs when it runs: ``--help`` is fast."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

app = typer.Typer(
    name="omics",
    help="Omics files to Postgres marts: load, build, query, publish.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
quarantine_app = typer.Typer(
    help="Files that could not be read, and why.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(quarantine_app, name="quarantine")
sync_app = typer.Typer(
    help="Publish the marts: Notion pages, Pinecone vectors.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(sync_app, name="sync")
features_app = typer.Typer(
    help="Reference releases: which are used, and which are held.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(features_app, name="features")
mappings_app = typer.Typer(
    help="Column roles that were given once and are remembered.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(mappings_app, name="mappings")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Dir = Annotated[
    str | None, typer.Option("--dir", help="Folder or address (s3://, gs://, https://) to load.")
]
Mapping = Annotated[
    str | None,
    typer.Option("--mapping", help="Completed column roles (YAML) for files not understood."),
]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for another run to end.")]

SOURCES = (
    "lipidomics",
    "metabolomics",
    "proteomics",
    "transcriptomics",
    "signatures",
    "features",
    "programs",
    "notion",
)


#: Wrong usage, as typer raises it. Typer brings its own copy of click, so click's class would not
#: catch it; the parent of the one usage error that typer exports is the right class in any version.
_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]


def main() -> None:
    """Runs the command line and ends the process with the project's exit codes."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; never raises for what a user can do wrong."""
    try:
        outcome = app(args=arguments, prog_name="omics", standalone_mode=False)
    except _USAGE_ERROR as error:
        error.show()
        return exits.USAGE
    except typer.Exit as error:
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        output.warn("stopped")
        return exits.FAILED
    except OmicsError as error:
        output.warn(str(error))
        return _exit_code_of(error)
    return outcome if isinstance(outcome, int) else exits.DONE


def _exit_code_of(error: OmicsError) -> int:
    from warehouse.lock import LockHeld

    return exits.LOCKED if isinstance(error, LockHeld) else exits.FAILED


def _usage(message: str) -> None:
    raise typer.BadParameter(message)


def _source(value: str | None) -> str | None:
    if value is not None and value not in SOURCES:
        _usage(f"'{value}' is not a source; expected one of {', '.join(SOURCES)}")
    return value


def _request(
    source: str | None,
    folder: str | None,
    files: list[str] | None,
    *,
    prune: bool = False,
    reread: bool = False,
    wait: float = 0.0,
    mapping: str | None = None,
) -> Any:
    from loaders.load import LoadRequest
    from warehouse.settings import get_settings

    if folder is not None and files:
        _usage("give --dir or --file, not both")
    if folder is None and not files:
        default = get_settings().results_folder
        if not default.is_dir():
            _usage(f"give --dir DIR or --file FILE; the default folder {default} does not exist")
        folder = str(default)
    if mapping is not None and not files:
        _usage("--mapping goes with --file: column roles belong to one kind of file")
    if prune and folder is None:
        _usage("--prune goes with --dir: only a folder can tell that a file has gone")
    return LoadRequest(
        folder=folder,
        files=tuple(files or ()),
        source=_source(source),
        prune=prune,
        reread=reread,
        wait_seconds=wait,
        mapping_file=mapping,
    )


@app.command()
def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files or folders.")],
    source: Annotated[str | None, typer.Option("--source", help="Omics type, if known.")] = None,
    as_json: Json = False,
) -> int:
    """Read files without writing anything: format, type, shape, scale, and what would be rejected.

    Example: omics check results/plate7.csv
    """
    from omics.check import check_paths, print_checks

    found = check_paths(paths, source=_source(source))
    if as_json:
        output.print_json(found)
    else:
        print_checks(found)
    readable = all(entry["status"] == "readable" for entry in found)
    return exits.DONE if readable else exits.PARTIAL


@app.command()
def formats(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show how one format is read.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List the formats that are read, or show how one of them is read.

    Example: omics formats "salmon quant"
    """
    from omics.formats import formats_command

    return formats_command(name, as_json=as_json)


@app.command()
def plan(
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]")] = None,
    folder: Dir = None,
    files: Annotated[list[str] | None, typer.Option("--file", help="Single file.")] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Read the files too: rows added, removed, changed in each."),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="With --preview: as a load with --prune would do.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Show what a load would do: new, changed, moved, unchanged, removed, quarantined files.

    `omics plan features` shows what new reference releases would change in the marts.

    Example: omics plan --dir results
    """
    if source == "features":
        from omics.features import plan_command

        named = folder is not None or files
        asked = _request(source, folder, files) if named else None
        return plan_command(asked, as_json=as_json)
    from loaders.load import plan_load
    from omics.preparing import prepare
    from omics.reports import print_plan
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    if prune and not preview:
        _usage("--prune goes with --preview here")
    request = _request(source, folder, files, prune=prune)
    settings = get_settings()
    if preview:
        from omics.preview import preview_command

        return preview_command(request, as_json=as_json)
    with connect(settings) as conn:
        prepare(conn)
        planned = plan_load(settings, conn, request)
    if as_json:
        output.print_json(
            {
                "counts": planned.counts(),
                "files": [
                    {"path": f.path, "action": f.action, "source": f.source, "detail": f.detail}
                    for f in planned.files
                ],
            }
        )
    else:
        print_plan(planned)
    return exits.DONE


@app.command()
def load(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[SOURCE]", help="Left out, it is worked out per file."),
    ] = None,
    folder: Dir = None,
    files: Annotated[list[str] | None, typer.Option("--file", help="Single file.")] = None,
    create_page: Annotated[
        bool,
        typer.Option("--create-page", help="Build at once and publish pages, if Notion is on."),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove datasets whose file has gone from the folder.")
    ] = False,
    reread: Annotated[
        bool, typer.Option("--reread", help="Read files again that have not changed.")
    ] = False,
    mapping: Mapping = None,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> int:
    """Land files in Postgres. Files that cannot be read go to quarantine; the others load.

    `omics load notion` reads the databases that Notion shares with the integration, incrementally;
    with --reread it looks at every page.

    Example: omics load lipidomics --dir results/lipidomics
    """
    from omics.loading import load_command

    if source == "notion":
        from omics.notion import load_notion_command

        if folder is not None or files or create_page or prune or mapping is not None:
            _usage("notion is read from its API: it takes --reread, --wait and --json only")
        return load_notion_command(reread=reread, wait=wait, as_json=as_json)
    request = _request(
        source, folder, files, prune=prune, reread=reread, wait=wait, mapping=mapping
    )
    return load_command(request, create_page=create_page, as_json=as_json)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(context: typer.Context, wait: Wait = 0.0, as_json: Json = False) -> int:
    """Run dbt build with the settings applied; further arguments go to dbt.

    Example: omics build --select datasets+
    """
    from omics.loading import build_command

    return build_command(list(context.args), wait=wait, as_json=as_json)


@app.command()
def refresh(
    folder: Dir = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove datasets whose file has gone from the folder.")
    ] = False,
    only_plan: Annotated[
        bool, typer.Option("--dry-run", help="Show what a refresh would do; write nothing.")
    ] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> int:
    """The scheduled command: load, check freshness, build, publish, record the run.

    Example: omics refresh --dir /data/omics
    """
    from omics.loading import refresh_command

    request = _request(None, folder, None, prune=prune, wait=wait)
    return refresh_command(request, only_plan=only_plan, as_json=as_json)


@app.command()
def diff(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Id of a run or its beginning; left out, the last."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show what a refresh or build changed in the marts: datasets, features, results, scores.

    Example: omics diff
    """
    from omics.changes import diff_command

    return diff_command(run, as_json=as_json)


Service = Annotated[
    str | None, typer.Argument(metavar="[notion|pinecone]", help="Left out: both, where set up.")
]
MassDelete = Annotated[
    bool,
    typer.Option("--allow-mass-delete", help="Delete although much would vanish at once."),
]

Components = Annotated[
    str | None,
    typer.Option(
        "--signature-components",
        metavar="all|NAMES",
        help="Pages for the components of these signatures, too; semicolons part names.",
    ),
]

FeaturePages = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="signatures|NAMES",
        help="Pages for the features that signatures hold, or for these; semicolons part names.",
    ),
]


def _service(value: str | None) -> str | None:
    if value not in (None, "notion", "pinecone"):
        _usage(f"'{value}' is not published to; expected notion or pinecone")
    return value


@sync_app.command("plan")
def sync_plan(
    service: Service = None,
    signature_components: Components = None,
    features: FeaturePages = None,
    as_json: Json = False,
) -> int:
    """Show what an apply would create, update and delete; calls no service.

    Example: omics sync plan
    """
    from omics.publishing import sync_command

    return sync_command(
        "plan",
        _service(service),
        allow_mass_delete=False,
        as_json=as_json,
        signature_components=signature_components,
        features=features,
    )


@sync_app.command("apply")
def sync_apply(
    service: Service = None,
    allow_mass_delete: MassDelete = False,
    signature_components: Components = None,
    features: FeaturePages = None,
    as_json: Json = False,
) -> int:
    """Publish what changed since the last time.

    Example: omics sync apply pinecone
    """
    from omics.publishing import sync_command

    return sync_command(
        "apply",
        _service(service),
        allow_mass_delete=allow_mass_delete,
        as_json=as_json,
        signature_components=signature_components,
        features=features,
    )


@sync_app.command("reconcile")
def sync_reconcile(
    service: Service = None, allow_mass_delete: MassDelete = False, as_json: Json = False
) -> int:
    """Compare the ledger with what is really out there, put it right, and apply.

    Example: omics sync reconcile notion
    """
    from omics.publishing import sync_command

    return sync_command(
        "reconcile", _service(service), allow_mass_delete=allow_mass_delete, as_json=as_json
    )


@sync_app.command("pull")
def sync_pull(as_json: Json = False) -> int:
    """Read back what people wrote on the Notion pages.

    Example: omics sync pull
    """
    from omics.publishing import sync_command

    return sync_command("pull", "notion", allow_mass_delete=False, as_json=as_json)


@sync_app.command("status")
def sync_status(as_json: Json = False) -> int:
    """Show what is published, what is left, and how the last runs ended.

    Example: omics sync status
    """
    from omics.publishing import status_command

    return status_command(as_json=as_json)


@sync_app.command("index")
def sync_index(as_json: Json = False) -> int:
    """Bring the index of search up to date, vectors included; builds and refreshes do most of it.

    Example: omics sync index
    """
    from omics.searching import index_command

    return index_command(as_json=as_json)


@quarantine_app.command("list")
def quarantine_list(as_json: Json = False) -> int:
    """List the files in quarantine with their reasons.

    Example: omics quarantine list
    """
    from omics.quarantining import list_command

    return list_command(as_json=as_json)


@quarantine_app.command("show")
def quarantine_show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id or path.")],
    write_mapping: Annotated[
        str | None,
        typer.Option("--write-mapping", help="Write the column roles to complete to this file."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show one file: place, what was seen, what was expected, the question.

    Example: omics quarantine show 3fa2
    """
    from omics.quarantining import show_command

    return show_command(identifier, write_mapping=write_mapping, as_json=as_json)


@quarantine_app.command("replay")
def quarantine_replay(
    identifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Left out: all of them.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Answers the question of the omics type.")
    ] = None,
    mapping: Mapping = None,
    as_json: Json = False,
) -> int:
    """Try files in quarantine again.

    Example: omics quarantine replay 3fa2 --source metabolomics
    """
    from omics.quarantining import replay_command

    if mapping is not None and not identifiers:
        _usage("--mapping goes with an ID: column roles belong to one kind of file")
    return replay_command(
        identifiers or [], source=_source(source), mapping=mapping, as_json=as_json
    )


@features_app.command("list")
def features_list(as_json: Json = False) -> int:
    """List the releases that are landed, which one of each reference is used, and why.

    Example: omics features list
    """
    from omics.features import list_command

    return list_command(as_json=as_json)


_REFERENCE = typer.Argument(metavar="REFERENCE", help="For example hgnc, or chebi/names.")


@features_app.command("pin")
def features_pin(
    reference: Annotated[str, _REFERENCE],
    release: Annotated[
        str, typer.Argument(metavar="RELEASE", help="Version, date, hash or file name.")
    ],
    as_json: Json = False,
) -> int:
    """Hold a reference at one release, whatever else is landed.

    Example: omics features pin hgnc 2025-10-07
    """
    from omics.features import pin_command

    return pin_command(reference, release, as_json=as_json)


@features_app.command("unpin")
def features_unpin(reference: Annotated[str, _REFERENCE], as_json: Json = False) -> int:
    """Let the newest release of a reference be used again.

    Example: omics features unpin hgnc
    """
    from omics.features import unpin_command

    return unpin_command(reference, as_json=as_json)


@mappings_app.command("list")
def mappings_list(as_json: Json = False) -> int:
    """List the column roles that are remembered, by the kind of file they are for.

    Example: omics mappings list
    """
    from omics.mapping_commands import list_command

    return list_command(as_json=as_json)


@mappings_app.command("show")
def mappings_show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id or its beginning.")],
    as_json: Json = False,
) -> int:
    """Show one mapping: which headers it knows, and how it knows those of samples.

    Example: omics mappings show 7e57
    """
    from omics.mapping_commands import show_command

    return show_command(identifier, as_json=as_json)


@mappings_app.command("forget")
def mappings_forget(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id or its beginning.")],
    as_json: Json = False,
) -> int:
    """Forget one mapping: what it loaded stays, the next file of its kind is asked about again.

    Example: omics mappings forget 7e57
    """
    from omics.mapping_commands import forget_command

    return forget_command(identifier, as_json=as_json)


Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="ulm, singscore, signed_overlap, sign_concordance, gsea_up, gsea_down, wtcs or "
        "legacy_overlap; left out, ulm for comparisons and singscore for samples.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many matches to show.")]


@app.command()
def signatures(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name or id.")],
    method: Method = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """Show the signatures that fit a dataset best, and the features that drive them.

    Example: omics signatures statin_vs_vehicle_limma
    """
    from omics.signatures import signatures_command

    return signatures_command(dataset, method=method, limit=limit, as_json=as_json)


@app.command()
def datasets(
    signature: Annotated[str, typer.Argument(metavar="SIGNATURE", help="Name or id.")],
    method: Method = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """Show the datasets that fit a signature best, and the features that drive them.

    Example: omics datasets "Statin response"
    """
    from omics.signatures import datasets_command

    return datasets_command(signature, method=method, limit=limit, as_json=as_json)


OmicsTypes = Annotated[
    list[str] | None,
    typer.Option("--omics-type", help="Only this type; may be given several times."),
]
EntityTypes = Annotated[
    list[str] | None,
    typer.Option("--type", help="program, experiment, dataset, signature or feature."),
]
Programs = Annotated[list[str] | None, typer.Option("--program", help="Name, code or id.")]
Experiments = Annotated[list[str] | None, typer.Option("--experiment", help="Name, code or id.")]
Diseases = Annotated[list[str] | None, typer.Option("--disease", help="As the marts spell it.")]
Organisms = Annotated[list[str] | None, typer.Option("--organism", help="As the marts spell it.")]
Signatures = Annotated[
    list[str] | None,
    typer.Option("--signature", help="It, and datasets that match it: name or id."),
]
Features = Annotated[
    list[str] | None,
    typer.Option("--feature", help="What measures or holds this molecule: name or id."),
]
Since = Annotated[str | None, typer.Option("--since", help="Datasets loaded on this day or later.")]
Until = Annotated[
    str | None, typer.Option("--until", help="Datasets loaded on this day or earlier.")
]
Seconds = Annotated[
    float, typer.Option("--seconds", min=0.1, max=60, help="Until when an answer is due.")
]


@app.command()
def search(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="Question, name, id or notation.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option("--like", help="What shares molecules with this dataset or signature."),
    ] = None,
    omics_type: OmicsTypes = None,
    entity_type: EntityTypes = None,
    program: Programs = None,
    experiment: Experiments = None,
    disease: Diseases = None,
    organism: Organisms = None,
    signature: Signatures = None,
    feature: Features = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many hits.")] = 10,
    seconds: Seconds = 2.0,
    as_json: Json = False,
) -> int:
    """Find what answers a question: passages of the marts, each with its row and its file.

    Example: omics search "PC(16:0/18:1) under statins" --omics-type lipidomics
    """
    from omics.searching import filters_of, like_command, search_command

    if (text is None) == (like is None):
        _usage("give a text, or --like with the name or id of a dataset or signature")

    filters = filters_of(
        omics_types=omics_type,
        entity_types=entity_type,
        programs=program,
        experiments=experiment,
        diseases=disease,
        organisms=organism,
        signatures=signature,
        features=feature,
        since=since,
        until=until,
    )
    if like is not None:
        return like_command(like, filters, limit=limit, as_json=as_json)
    return search_command(text or "", filters, limit=limit, seconds=seconds, as_json=as_json)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Question.")],
    omics_type: OmicsTypes = None,
    entity_type: EntityTypes = None,
    program: Programs = None,
    experiment: Experiments = None,
    disease: Diseases = None,
    organism: Organisms = None,
    signature: Signatures = None,
    feature: Features = None,
    since: Since = None,
    until: Until = None,
    budget: Annotated[
        int, typer.Option("--tokens", min=100, help="About how many tokens to gather.")
    ] = 2_000,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many sources.")] = 10,
    seconds: Seconds = 2.0,
    as_json: Json = False,
) -> int:
    """Gather numbered sources for a question; where a language model is set up, let it answer.

    Example: omics ask "what do statins do to PC 34:1?" --tokens 1500
    """
    from omics.asking import ask_command
    from omics.searching import filters_of

    filters = filters_of(
        omics_types=omics_type,
        entity_types=entity_type,
        programs=program,
        experiments=experiment,
        diseases=disease,
        organisms=organism,
        signatures=signature,
        features=feature,
        since=since,
        until=until,
    )
    return ask_command(text, filters, budget=budget, limit=limit, seconds=seconds, as_json=as_json)


@app.command()
def mcp() -> int:
    """Serve search, datasets, results and read-only SQL to language models, over standard input.

    Example: omics mcp
    """
    from omics.mcp_server import serve

    return serve()


@app.command()
def why(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Name, id or path of a dataset; a file; name or id of a feature, signature, "
            "program, experiment or sample; id of a reject; or a mart, with --key.",
        ),
    ],
    feature: Annotated[
        str | None,
        typer.Option("--feature", help="Row of the dataset: name, feature id, or 'row N'."),
    ] = None,
    assay: Annotated[
        str | None, typer.Option("--assay", help="Assay of the dataset: name, header or id.")
    ] = None,
    contrast: Annotated[
        str | None, typer.Option("--contrast", help="Contrast of the dataset: name or id.")
    ] = None,
    quality_check: Annotated[
        str | None, typer.Option("--check", help="Quality check of the dataset.")
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option("--signature", help="Score of this signature in the dataset: name or id."),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="Method of the score, where there are several.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="What TARGET is, where its name fits several rows."),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", help="COLUMN=VALUE of a row of the mart TARGET; once per column."),
    ] = None,
    no_file: Annotated[
        bool, typer.Option("--no-file", help="Do not open the file to show its line.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Show where a mart row comes from: models, load, file, line, text, reader, decisions.

    Example: omics why hepatocyte_lipids --feature "PC 34:1" --assay Statin_1
    """
    from omics.lineage import why_command
    from warehouse.lineage.find import KINDS, Within

    within = Within(feature, assay, contrast, quality_check, signature, method)
    if kind is not None and kind not in KINDS:
        _usage(f"'{kind}' is not a kind; expected one of {', '.join(KINDS)}")
    if keys and not (within.is_empty and kind is None):
        _usage("--key tells a row by itself; leave the other options out")
    if assay is not None and contrast is not None:
        _usage("give --assay or --contrast, not both: a dataset has either")
    if quality_check is not None and (feature or assay or contrast or signature):
        _usage("--check goes with a dataset alone")
    if signature is not None and feature is not None:
        _usage("give --signature or --feature, not both")
    if method is not None and signature is None:
        _usage("--method goes with --signature")
    return why_command(
        target,
        kind=kind,
        within=within,
        keys=keys or [],
        open_files=not no_file,
        as_json=as_json,
    )


@app.command()
def impact(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Path, end of a path, hash or id of a file.")
    ],
    as_json: Json = False,
) -> int:
    """Show every mart row that rests on a file, as counts with examples, and its datasets.

    Example: omics impact hepatocyte_lipids.csv
    """
    from omics.lineage import impact_command

    return impact_command(file, as_json=as_json)


@app.command()
def report(
    out: Annotated[
        str, typer.Option("--out", help="File to write; one that is there is replaced.")
    ] = "omics-report.html",
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Name or id; once per dataset. Left out: all."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the quality report, one HTML page with plots; needs the extra packages `report`.

    Example: omics report --out omics-report.html
    """
    from omics.reporting import report_command

    return report_command(out, datasets=datasets or [], as_json=as_json)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name or id.")],
    file_format: Annotated[
        str, typer.Option("--format", help="parquet, csv or h5ad (matrices only).")
    ] = "parquet",
    out: Annotated[
        str | None,
        typer.Option("--out", help="File to write; left out, the dataset's name in this folder."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write one dataset to a file, with the file, load and reader it came from in its metadata.

    Example: omics export hepatocyte_gene_counts --format h5ad --out counts.h5ad
    """
    from omics.exporting import FORMATS, export_command

    if file_format not in FORMATS:
        _usage(f"'{file_format}' is not a format; expected one of {', '.join(FORMATS)}")
    return export_command(
        dataset, file_format=file_format, out=out, overwrite=overwrite, as_json=as_json
    )


@app.command()
def start() -> int:
    """Start the embedded server, if it does not run yet.

    Example: omics start
    """
    from omics.serving import start_command

    return start_command()


@app.command()
def stop() -> int:
    """Stop the embedded server.

    Example: omics stop
    """
    from omics.serving import stop_command

    return stop_command()


@app.command()
def status(as_json: Json = False) -> int:
    """Show the state of the warehouse: server, datasets, last runs, quarantine.

    Example: omics status
    """
    from omics.serving import status_command

    return status_command(as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> int:
    """Check the installation; every failed check comes with the line that mends it.

    Example: omics doctor
    """
    from omics.serving import doctor_command

    return doctor_command(as_json=as_json)


@app.command()
def env(as_json: Json = False) -> int:
    """Print exports that let psql, R or a BI tool reach the warehouse.

    Example: eval "$(omics env)" && psql amprenta_rag
    """
    from omics.serving import env_command

    return env_command(as_json=as_json)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> int:
    """Open psql on the warehouse; further arguments go to psql.

    Example: omics psql -c "select name, omics_type from datasets"
    """
    from omics.serving import psql_command

    return psql_command(list(context.args))


@app.command()
def demo() -> int:
    """Load the example files, build the marts, and show them.

    Example: omics demo
    """
    from omics.demo import demo_command

    return demo_command()


if __name__ == "__main__":
    main()
