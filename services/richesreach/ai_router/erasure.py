"""Which of the router's tables hold something about a person, told to what erases people."""

from richesreach.core.database import Connection, Database
from richesreach.core.logs import logger
from richesreach.core.settings import Settings

# Who was assigned to no organisation is one of its own, by the id.
PERSONAL = (
    ("ai_members", "subject"),
    ("ai_feedback", "subject"),
    ("ai_requests", "org"),
    ("ai_attempts", "org"),
    ("ai_budgets", "org"),
)
_INSERT = """
    insert into personal_data (relation, subject_column)
    select given.relation, given.subject_column
    from unnest($1::text[], $2::text[]) as given (relation, subject_column)
    where not exists (select from personal_data known where known.relation = given.relation)
"""


async def register(settings: Settings) -> None:
    """Raises DatabaseUnavailableError. Where the gateway has no tables yet, the next deployment does it."""
    database = Database(settings)
    await database.open()

    async def write(connection: Connection) -> bool:
        if await connection.fetchval("select to_regclass('personal_data') is null"):
            return False
        await connection.execute(_INSERT, [name for name, _ in PERSONAL], [column for _, column in PERSONAL])
        return True

    try:
        known = await database.writer.run(write)
    finally:
        await database.close()
    logger().info("personal_data_registered" if known else "no_erasure_yet")
