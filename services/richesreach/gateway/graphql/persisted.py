"""Persisted documents: a client sends the hash, and the text once where nobody knows it yet.

Known documents stand in the process's memory and in the region's cache, for a day after they were last sent.
"""

from collections.abc import Mapping
from pathlib import Path

from richesreach.core.cache import Cache, keys
from richesreach.core.cache.kinds import STATIC
from richesreach.gateway.graphql.documents import Document, Documents, hash_of
from richesreach.gateway.graphql.errors import RequestError
from richesreach.gateway.graphql.requests import GraphQLRequest

#: One document a file: what runs where nothing else may.
LISTED = Path(__file__).parent / "listed"


def listed(folder: Path = LISTED) -> dict[str, str]:
    """Texts by their hash."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.graphql"))]
    return {hash_of(text): text for text in texts}


class Persisted:
    """With `only_listed`, nothing but the listed documents is run, whoever sends it and however."""

    def __init__(
        self, documents: Documents, cache: Cache, known: Mapping[str, str], *, only_listed: bool
    ) -> None:
        self._documents = documents
        self._cache = cache
        self._listed = known
        self._only_listed = only_listed

    async def document(self, request: GraphQLRequest) -> Document:
        """Raises RequestError."""
        if self._only_listed:
            return self._of_the_list(request)
        if request.query is None:
            return await self._found(request.hash or "")
        if request.hash is None:
            return self._documents.read(request.query)
        if hash_of(request.query) != request.hash:
            message = "The hash is not that of the document: SHA-256 of its UTF-8 text, as lower-case hex."
            raise RequestError(400, "PERSISTED_QUERY_MISMATCH", message)
        document = self._documents.read(request.query)
        await self._cache.set(_key(document.hash), document.text, ttl_seconds=STATIC.ttl)
        return document

    async def _found(self, digest: str) -> Document:
        known = self._documents.known(digest)
        if known is not None:
            return known
        text = self._listed.get(digest) or await self._cache.get(_key(digest), str)
        if text is None or hash_of(text) != digest:
            # The protocol's own words; its clients then send hash and text.
            raise RequestError(200, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        return self._documents.read(text)

    def _of_the_list(self, request: GraphQLRequest) -> Document:
        digest = request.hash if request.query is None else hash_of(request.query)
        text = self._listed.get(digest or "")
        if text is None:
            raise RequestError(403, "PERSISTED_QUERY_ONLY", "Only listed documents are run here.")
        return self._documents.read(text)


def _key(digest: str) -> str:
    return keys.key("static", "graphql", digest)
