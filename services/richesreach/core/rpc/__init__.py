"""gRPC between the services: the contracts of `services/proto`, with what HTTP requests have, too."""
