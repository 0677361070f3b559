"""The search tool as configured: embedders loaded, columns looked up, before anybody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio.to_thread

from ..catalog import Catalog
from ..source import Database
from ..sql.names import did_you_mean
from .embedding import Embedder, embedder
from .index import Indexes, IndexTexts, Searched, SearchUnusable
from .tool import DatabaseSearch


async def build_search_tool(
    databases: Mapping[str, Database], searched: Mapping[str, Sequence[Searched]], texts: IndexTexts
) -> DatabaseSearch:
    """The tool over these columns.

    Raises:
        SearchUnusable: a table or column is not there.
        EmbedderUnusable: an embedder cannot be had.
    """
    for name, columns in searched.items():
        catalog = await databases[name].catalog()
        for one in columns:
            _check(name, one, catalog)
    names = {one.embedder for columns in searched.values() for one in columns}
    embedders: dict[str, Embedder] = {}
    for name in sorted(names):
        embedders[name] = await anyio.to_thread.run_sync(embedder, name)
    some = [databases[name] for name in searched]
    return DatabaseSearch(some, searched, Indexes(texts, embedders.__getitem__))


def _check(database: str, searched: Searched, catalog: Catalog) -> None:
    where = f"databases.{database}.search: {searched.table}.{searched.column}"
    relation = catalog.relations.get(searched.table)
    if relation is None:
        hint = did_you_mean(searched.table, sorted(catalog.relations))
        raise SearchUnusable(f"{where}: there is no table {searched.table}. {hint}".rstrip())
    if not catalog.is_open(searched.table):
        raise SearchUnusable(f"{where}: the table is not open; add it to tables, or take it out of deny")
    for column in (searched.column, searched.key):
        if relation.column(column) is None:
            hint = did_you_mean(column, [c.name for c in relation.columns])
            raise SearchUnusable(f"{where}: there is no column {column}. {hint}".rstrip())
