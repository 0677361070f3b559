"""Reporting queries for measuring the SQL guard: our own, over a small trading schema, and the published TPC-H and
TPC-DS texts where somebody has them. The TPC texts are not part of this repository: unpack a source distribution of
sqlglot 30.30 (its test fixtures have them) and name its folder in GLOVEPORT_TEST_TPC."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import ColumnRef, ColumnRule, Mask


@dataclass(frozen=True)
class Rules:
    """Classes by column name."""

    classes: dict[str, str]
    version: str = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        found = self.classes.get(column.column)
        return None if found is None else ColumnRule(found, Mask.TOKEN, "config")


SCHEMA = {
    "region": "region_id name",
    "country": "country_id region_id name",
    "buyer": "buyer_id country_id name email phone address balance segment",
    "seller": "seller_id country_id name email phone rating",
    "article": "article_id name brand kind price weight",
    "offer": "article_id seller_id stock cost",
    "sale": "sale_id buyer_id day state total priority clerk",
    "line": "sale_id line_no article_id seller_id quantity price discount tax sent_on due_on received_on returned mode",
    "visit": "visit_id buyer_id day channel page seconds",
}
MASKED = {"email": "email", "phone": "phone", "address": "address", "balance": "money"}

OWN = (
    # what was sent, priced and returned
    """SELECT returned, state, sum(quantity) AS pieces, sum(l.price) AS gross, sum(l.price * (1 - discount)) AS net,
       sum(l.price * (1 - discount) * (1 + tax)) AS charged, avg(quantity), avg(discount), count(*) AS lines
       FROM line l JOIN sale s ON s.sale_id = l.sale_id WHERE sent_on <= '2024-09-02'
       GROUP BY returned, state ORDER BY returned, state""",
    # the cheapest seller of each article in a region
    """SELECT s.name, s.email, c.name AS country, a.article_id, a.brand FROM article a
       JOIN offer o ON o.article_id = a.article_id JOIN seller s ON s.seller_id = o.seller_id
       JOIN country c ON c.country_id = s.country_id JOIN region r ON r.region_id = c.region_id
       WHERE a.weight = 15 AND a.kind LIKE '%brass' AND r.name = 'Europe' AND o.cost = (
         SELECT min(o2.cost) FROM offer o2 JOIN seller s2 ON s2.seller_id = o2.seller_id
         JOIN country c2 ON c2.country_id = s2.country_id JOIN region r2 ON r2.region_id = c2.region_id
         WHERE o2.article_id = a.article_id AND r2.name = 'Europe')
       ORDER BY s.rating DESC, c.name, a.article_id LIMIT 100""",
    # open sales with most at stake
    """SELECT l.sale_id, sum(l.price * (1 - l.discount)) AS revenue, s.day, s.priority
       FROM buyer b JOIN sale s ON s.buyer_id = b.buyer_id JOIN line l ON l.sale_id = s.sale_id
       WHERE b.segment = 'building' AND s.day < '2024-03-15' AND l.sent_on > '2024-03-15'
       GROUP BY l.sale_id, s.day, s.priority ORDER BY revenue DESC, s.day, l.sale_id LIMIT 10""",
    # sales with a late line
    """SELECT priority, count(*) AS n FROM sale WHERE day >= '2024-07-01' AND day < '2024-10-01' AND EXISTS (
       SELECT 1 FROM line WHERE line.sale_id = sale.sale_id AND line.due_on < line.received_on)
       GROUP BY priority ORDER BY priority""",
    # trade between two countries, year by year
    """SELECT supplied, bought, sum(volume) AS revenue FROM (
         SELECT c1.name AS supplied, c2.name AS bought, l.price * (1 - l.discount) AS volume
         FROM seller s JOIN line l ON l.seller_id = s.seller_id JOIN sale o ON o.sale_id = l.sale_id
         JOIN buyer b ON b.buyer_id = o.buyer_id JOIN country c1 ON c1.country_id = s.country_id
         JOIN country c2 ON c2.country_id = b.country_id
         WHERE (c1.name = 'France' AND c2.name = 'Germany') OR (c1.name = 'Germany' AND c2.name = 'France')) AS t
       GROUP BY supplied, bought ORDER BY supplied, bought""",
    # share of one country in a market
    """SELECT t.day, sum(CASE WHEN t.country = 'Brazil' THEN t.volume ELSE 0 END) / sum(t.volume) AS share FROM (
         SELECT o.day, l.price * (1 - l.discount) AS volume, c2.name AS country FROM article a
         JOIN line l ON l.article_id = a.article_id JOIN seller s ON s.seller_id = l.seller_id
         JOIN sale o ON o.sale_id = l.sale_id JOIN buyer b ON b.buyer_id = o.buyer_id
         JOIN country c1 ON c1.country_id = b.country_id JOIN region r ON r.region_id = c1.region_id
         JOIN country c2 ON c2.country_id = s.country_id WHERE r.name = 'America' AND a.kind = 'steel') AS t
       GROUP BY t.day ORDER BY t.day""",
    # best sellers by a WITH query and the maximum of it
    """WITH revenue AS (SELECT seller_id, sum(price * (1 - discount)) AS total FROM line
         WHERE sent_on >= '2024-01-01' GROUP BY seller_id)
       SELECT s.seller_id, s.name, s.phone, r.total FROM seller s JOIN revenue r ON r.seller_id = s.seller_id
       WHERE r.total = (SELECT max(total) FROM revenue) ORDER BY s.seller_id""",
    # how buyers are distributed by number of sales
    """SELECT t.n, count(*) AS buyers FROM (SELECT b.buyer_id, count(s.sale_id) AS n FROM buyer b
         LEFT JOIN sale s ON s.buyer_id = b.buyer_id AND s.priority <> 'low' GROUP BY b.buyer_id) AS t
       GROUP BY t.n ORDER BY buyers DESC, t.n DESC""",
    # running totals and ranks
    """SELECT day, channel, n, sum(n) OVER (PARTITION BY channel ORDER BY day) AS so_far,
         rank() OVER (PARTITION BY channel ORDER BY n DESC) AS place,
         lag(n) OVER (PARTITION BY channel ORDER BY day) AS before
       FROM (SELECT day, channel, count(*) AS n FROM visit GROUP BY day, channel) AS t ORDER BY channel, day""",
    # a funnel in five steps, with the people in it
    """WITH seen AS (SELECT buyer_id, min(day) AS first FROM visit GROUP BY buyer_id),
       bought AS (SELECT buyer_id, min(day) AS first, count(*) AS n FROM sale GROUP BY buyer_id),
       paired AS (SELECT s.buyer_id, s.first AS seen, b.first AS bought, b.n FROM seen s
         LEFT JOIN bought b ON b.buyer_id = s.buyer_id),
       steps AS (SELECT buyer_id, CASE WHEN bought IS NULL THEN 'seen' WHEN n = 1 THEN 'once' ELSE 'again' END AS step
         FROM paired)
       SELECT st.step, bu.name, bu.email, bu.phone FROM steps st JOIN buyer bu ON bu.buyer_id = st.buyer_id
       WHERE st.step = 'again' ORDER BY bu.buyer_id LIMIT 50""",
    # a tree of regions, walked
    """WITH RECURSIVE tree AS (SELECT region_id, name, 0 AS depth FROM region WHERE region_id = 1
         UNION ALL SELECT r.region_id, r.name, t.depth + 1 FROM region r JOIN tree t ON r.region_id = t.region_id + 1
         WHERE t.depth < 5)
       SELECT depth, count(*) AS n FROM tree GROUP BY depth ORDER BY depth""",
    # two years side by side
    """SELECT a.segment, a.total AS now, b.total AS before, a.total - b.total AS grown FROM
       (SELECT b.segment, sum(s.total) AS total FROM sale s JOIN buyer b ON b.buyer_id = s.buyer_id
         WHERE s.day >= '2024-01-01' GROUP BY b.segment) AS a
       LEFT JOIN (SELECT b.segment, sum(s.total) AS total FROM sale s JOIN buyer b ON b.buyer_id = s.buyer_id
         WHERE s.day < '2024-01-01' GROUP BY b.segment) AS b ON b.segment = a.segment ORDER BY a.segment""",
)


def own_settings(dialect: str = "postgresql") -> GuardSettings:
    """Strict, over our own schema; the first column of a table is its key, except of the two that have two."""
    return settings_of({name: columns.split() for name, columns in SCHEMA.items()}, MASKED, dialect)


def settings_of(tables: dict[str, list[str]], masked: dict[str, str], dialect: str) -> GuardSettings:
    relations: dict[str, Relation] = {}
    for name, columns in tables.items():
        keys = 2 if name in ("offer", "line") else 1
        made = tuple(Column(column, "text", primary_key=i < keys) for i, column in enumerate(columns))
        relations[name] = Relation(name, None, RelationKind.TABLE, made)
    catalog = Catalog("reports", dialect, f"1 {dialect} {len(relations)}", relations, frozenset(relations))
    return GuardSettings(catalog, Rules(masked), Inference.STRICT)


@dataclass(frozen=True)
class Published:
    name: str
    texts: list[str]
    settings: GuardSettings


def published() -> list[Published]:
    """TPC-H and TPC-DS, in the dialect of DuckDB; empty when GLOVEPORT_TEST_TPC does not lead to them."""
    folder = os.environ.get("GLOVEPORT_TEST_TPC", "")
    fixtures = Path(folder) / "tests" / "fixtures" / "optimizer"
    if not folder or not fixtures.is_dir():
        return []
    return [_published(fixtures / name) for name in ("tpc-h", "tpc-ds")]


def _published(folder: Path) -> Published:
    """The file has each text, and behind it what sqlglot's optimizer makes of it: every second statement is ours."""
    lines = (folder / f"{folder.name}.sql").read_text(encoding="utf-8").splitlines()
    statements = "\n".join(line for line in lines if not line.startswith(("--", "#"))).split(";")
    texts = [text.strip() for text in statements[0::2] if text.strip()]
    tables: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            tables[file.name.removesuffix(".csv.gz")] = opened.readline().strip().split("|")
    if "customer" in tables and folder.name == "tpc-ds":
        tables["customer"].append("c_last_review_date")  # as text 30 calls it; the data calls it c_last_review_date_sk
    masked = {"c_phone": "phone", "c_address": "address", "s_phone": "phone", "c_email_address": "email"}
    return Published(folder.name, texts, settings_of(tables, masked, "duckdb"))
