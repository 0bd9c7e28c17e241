"""Rows of a subject in Postgres, by what each schema says about itself.

A service that keeps people declares, in its own schema, a function
``erase_subject(subject text, dry_run boolean) returns table (relation text, affected bigint)`` that deletes
or pseudonymises its rows, or counts them where ``dry_run``. All of them run in one transaction: the subject
is erased in every schema or in none.
"""

from __future__ import annotations

from typing import Any

import postgres

DATABASE = "richesreach"

_DECLARED = """
select n.nspname, f.oid::regprocedure
from pg_proc f join pg_namespace n on n.oid = f.pronamespace
where f.proname = 'erase_subject' and oidvectortypes(f.proargtypes) = 'text, boolean'
order by n.nspname
"""


class NotTheWriterError(Exception):
    """The server is a replica: the global database was switched over and the platform not deployed since."""


def connect(host: str, port: int, tls: bool, user: dict[str, str]) -> postgres.Connection:
    """A connection to the writer's database; the server's certificate is verified where ``tls``."""
    return postgres.connect(host, port, DATABASE, user["username"], user["password"], tls=tls)


def erase(connection: postgres.Connection, subject: str, *, dry_run: bool) -> dict[str, Any]:
    """Counts by relation, and the schemas that were asked.

    Raises:
        NotTheWriterError: with the mend.
    """
    if connection.query("select pg_is_in_recovery()::text") == [("true",)]:
        raise NotTheWriterError("the server is a replica; deploy with writer_region where the writer is now")
    connection.query("begin")
    erased: dict[str, int] = {}
    declared = connection.query(_DECLARED)
    for schema, _ in declared:
        call = f"select relation, affected from {_quoted(schema)}.erase_subject($1::text, $2::boolean)"  # noqa: S608
        for relation, affected in connection.query(call, subject, "true" if dry_run else "false"):
            name = f"{schema}.{relation}"
            erased[name] = erased.get(name, 0) + int(affected)
    connection.query("rollback" if dry_run else "commit")
    return {"done": True, "erased": erased, "schemas": [schema for schema, _ in declared]}


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
