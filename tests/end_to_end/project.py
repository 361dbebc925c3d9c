"""A copy of the project that a test may spoil, with a database and a folder of results."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import REPOSITORY
from tests.loading.files import write_lipids, write_results
from warehouse.connection import connect, database_url
from warehouse.settings import Settings

SIGNATURE = """signature,feature,type,direction
Planted,ENSG000000000{first},gene,up
Planted,ENSG00000000013,gene,down
Planted,ENSG00000000014,gene,up
Planted,ENSG00000000016,gene,down
Planted,ENSG00000000020,gene,up
Planted,ENSG00000000021,gene,down
Planted,ENSG00000000023,gene,up
"""


@dataclass(frozen=True)
class Project:
    """The copy, and ways to run commands of it."""

    root: Path
    settings: Settings

    @property
    def data(self) -> Path:
        """Folder of result files, which commands take without being told."""
        return self.root / "data"

    @property
    def dbt(self) -> Path:
        """The dbt project."""
        return self.root / "dbt_project"

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the commands."""
        return {
            **os.environ,
            "OMICS_HOME": str(self.root),
            "DATABASE_URL": database_url(self.settings),
            # Files of ten rows, one of which cannot be read, still load.
            "OMICS_REJECT_LIMIT": "0.5",
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "omics.cli", *arguments],
            cwd=REPOSITORY,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def omics(self, *arguments: str, codes: tuple[int, ...] = (0,), **more: str) -> str:
        """Runs a command to its end and returns what it printed."""
        process = self.start(*arguments, **more)
        printed, errors = process.communicate()
        assert process.returncode in codes, printed[-4000:] + errors[-4000:]
        return printed + errors

    def connect(self) -> psycopg.Connection[Any]:
        """Opens a connection."""
        return connect(self.settings)


def copy_project(folder: Path, settings: Settings) -> Project:
    """Makes the copy; its data are two matrices, one result table, a sheet and a signature."""
    project = Project(folder, settings)
    shutil.copytree(
        REPOSITORY / "dbt_project",
        project.dbt,
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    for name in ("profiles.yml", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder / name)
    for number in range(2):
        write_lipids(project.data / "lipidomics" / f"{number}.csv", rows=12, seed=number)
    write_results(project.data / "transcriptomics" / "treated.csv", rows=15)
    write_sheets(project, {"P1": "First program"})
    write_signature(project, 12)
    # A signature is scored by the genes that a reference knows.
    genes = [f"gene,ENSG{number:011},G{number},,9606" for number in range(11, 26)]
    (project.data / "features").mkdir()
    (project.data / "features" / "genes.csv").write_text(
        "\n".join(["feature_type,id,name,synonyms,taxon", *genes]) + "\n"
    )
    return project


def write_sheets(project: Project, programs: dict[str, str]) -> None:
    """Writes programs, one experiment of the first, and the dataset that belongs to it."""
    folder = project.data / "programs"
    folder.mkdir(exist_ok=True)
    lines = [f"{code},{name}" for code, name in programs.items()]
    (folder / "programs.csv").write_text("\n".join(["Program ID,Name", *lines]) + "\n")
    (folder / "experiments.csv").write_text(
        f"Experiment ID,Name,Program,Organism\nE1,First experiment,{next(iter(programs))},human\n"
    )
    (folder / "datasets.csv").write_text("File,Name,Experiment\n../lipidomics/0.csv,Lipids,E1\n")


def write_signature(project: Project, first: int) -> None:
    """Writes the signature, whose first component is a gene of the results."""
    folder = project.data / "signatures"
    folder.mkdir(exist_ok=True)
    (folder / "planted.csv").write_text(SIGNATURE.format(first=first))


def change_everything(project: Project, *, seed: int) -> None:
    """Edits, adds and removes, so that a build touches every kind of mart."""
    write_lipids(project.data / "lipidomics" / "0.csv", rows=10 + seed % 3, seed=100 + seed)
    write_lipids(project.data / "lipidomics" / f"new_{seed}.csv", rows=9, seed=200 + seed)
    spoiled = project.data / "lipidomics" / f"new_{seed}.csv"
    lines = spoiled.read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + ",broken"
    spoiled.write_text("\n".join(lines) + "\n")
    write_sheets(project, {f"P{seed + 2}": f"Program {seed}", "P1": f"First program {seed}"})
    write_signature(project, (17, 18, 19, 22)[seed % 4])
    (project.data / "lipidomics" / "1.csv").unlink(missing_ok=True)


def checksums(conn: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    """Number of rows and a checksum over all columns of every mart, views too."""
    tables = conn.execute(
        "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
    ).fetchall()
    return {
        table: conn.execute(
            f"select count(*), md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)),"
            f" '')) from marts.{table} as t"
        ).fetchone()
        or ()
        for (table,) in tables
    }


def stamps(conn: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    """Where every row of every mart lies and who wrote it; the identity of tables and views."""
    relations = conn.execute(
        "select relname, relkind::text, oid::bigint, relfilenode::bigint from pg_class"
        " where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v') order by 1"
    ).fetchall()
    return {
        name: (
            oid,
            node,
            kind == "r"
            and conn.execute(
                f"select md5(coalesce(string_agg(ctid::text || xmin::text, ',' order by ctid), ''))"
                f" from marts.{name}"
            ).fetchone(),
        )
        for name, kind, oid, node in relations
    }
