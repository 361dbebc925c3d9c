"""Draws a report with MultiQC, in a process of its own: ``python -m warehouse.report.render``.

MultiQC keeps its state in modules, reads settings of the user and asks a server for its newest
version. In a process of its own none of that reaches the command, and every attempt to open a
connection ends in an error: a report must be possible where there is no network, and nobody is to
be told that it was written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: The events by which Python says that it is about to reach out.
_OUTWARD = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


#: MultiQC's greeting shows a video from elsewhere; its own logo stands in the navigation as well.
_STYLE = """
#mqc_welcome, h1 .multiqc-logo-wrapper { display: none !important; }
"""


def main(arguments: list[str]) -> int:
    """Reads the report from one file and writes the page to another."""
    source, target = (Path(argument) for argument in arguments)
    sys.addaudithook(_refuse_network)
    document = json.loads(source.read_text(encoding="utf-8"))
    target.write_text(render(document, source.parent), encoding="utf-8")
    return 0


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _OUTWARD:
        raise OSError(f"a report is written without the network: {event}")


def render(document: dict[str, Any], folder: Path) -> str:
    """Returns the page.

    Args:
        document: The report as `Report.document` gives it.
        folder: Where files may be put.
    """
    import multiqc
    from multiqc import report as state

    style = folder / "style.css"
    style.write_text(_STYLE, encoding="utf-8")
    settings = folder / "multiqc_config.json"
    settings.write_text(json.dumps(_settings(document, style)), encoding="utf-8")
    multiqc.load_config(settings)
    if document["general"]:
        head = multiqc.BaseMultiqcModule(name="Datasets", anchor="datasets")
        head.general_stats_addcols(
            document["general"], _headers(document["general_columns"]), namespace="dataset"
        )
    for chapter in document["chapters"]:
        module = multiqc.BaseMultiqcModule(
            name=chapter["name"], anchor=chapter["anchor"], info=chapter["info"]
        )
        for section in chapter["sections"]:
            module.add_section(
                name=section["name"],
                anchor=f"{chapter['anchor']}-{section['anchor']}",
                description=section["description"],
                plot=_draw(section["plot"]) if section["plot"] else None,
            )
        state.modules.append(module)
    page = multiqc.write_report(
        config_files=[settings],
        no_version_check=True,
        no_megaqc_upload=True,
        make_data_dir=False,
        plots_force_interactive=True,
        return_html=True,
        quiet=True,
    )
    if not page:
        raise RuntimeError("MultiQC wrote no page")
    return str(page)


def _settings(document: dict[str, Any], style: Path) -> dict[str, Any]:
    return {
        "title": document["title"],
        "intro_text": "What the marts hold, and what stands out.",
        "custom_css_files": [str(style)],
        "custom_plot_config": {"general_stats_table": {"col1_header": "Dataset"}},
        "report_comment": document["comment"],
        "report_header_info": [{name: value} for name, value in document["facts"].items()],
        "show_analysis_paths": False,
        "skip_versions_section": True,
        "no_version_check": True,
        "no_ai": True,
        "make_data_dir": False,
        # Names are names of datasets and assays: "_counts" at their end is no suffix to cut off.
        "fn_clean_sample_names": False,
        # A plot with many assays is drawn at once: pages are capped before they come here.
        "plots_defer_loading_numseries": 1000,
        # Its former name; both are looked at.
        "num_datasets_plot_limit": 1000,
    }


def _headers(columns: dict[str, Any]) -> dict[str, Any]:
    headers = {}
    for name, column in columns.items():
        header = dict(column)
        if header.pop("percent", False):
            header |= {"min": 0, "max": 100, "suffix": "%", "modify": _percent, "format": "{:,.1f}"}
        headers[name] = header
    return headers


def _percent(value: Any) -> Any:
    return 100 * value


def _draw(plot: dict[str, Any]) -> Any:
    from multiqc.plots import bargraph, box, heatmap, scatter, table

    data, options = list(plot["data"]), plot["options"]
    kind = plot["kind"]
    if kind == "table":
        return table.plot(data[0], _headers(plot["columns"]), options)
    if kind == "bar":
        categories = [plot["columns"]] * len(data)
        return bargraph.plot(data, categories, options)
    if kind == "box":
        return box.plot(data, options)
    if kind == "scatter":
        return scatter.plot(data, options)
    columns, rows = plot["axes"]
    return heatmap.plot(data[0], list(columns), list(rows), options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
