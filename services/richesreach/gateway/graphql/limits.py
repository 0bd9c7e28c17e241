"""What a document may ask. Chosen in docs/decisions, told in docs/graphql.md."""

# Bytes and tokens of a document.
MAX_BYTES = 16 * 1024
MAX_TOKENS = 1_000
# Brackets within brackets, of any kind: more would be too many frames for the parser.
MAX_NESTING = 32
# Fields within fields.
MAX_DEPTH = 10
MAX_ALIASES = 30
# Fields that a document names. Validation compares those of one place with each other.
MAX_FIELDS = 250
# Values that an answer may hold: every field once for each element of the lists around it.
MAX_COST = 5_000
# So many of them weigh as much as one request on the caller's limit.
COST_OF_ONE_REQUEST = 250
# How many elements are expected of a list whose length the document does not say.
ASSUMED_LENGTH = 10
# Errors after which validation gives up on a document.
MAX_ERRORS = 10

# Documents and whole answers that a process keeps.
DOCUMENTS = 1_000
ANSWERS, ANSWER_BYTES = 2_000, 16 * 1024 * 1024
# Seconds that a whole answer to a public query is kept: as long as a process keeps a price.
ANSWER_SECONDS = 1.0


def weight(cost: int) -> int:
    """How many requests an operation of this cost counts for."""
    return max(1, -(-cost // COST_OF_ONE_REQUEST))
