"""GraphQL over HTTP and WebSockets: the schema, what bounds a document, and how operations are run."""
