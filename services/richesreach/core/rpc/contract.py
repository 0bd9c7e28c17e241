"""What a contract's description says of its methods: their names on the wire, what they take and give."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

# One method of a service, as it is implemented.
Implementation: TypeAlias = Callable[[Any], Awaitable[Message]]


class Contract(Protocol):
    """A generated module, such as `richesreach.core.contracts.market.v1.market_pb2`."""

    DESCRIPTOR: Any


@dataclass(frozen=True, slots=True)
class Method:
    """One method: one message there, one back. Batches are fields of them."""

    path: str
    request: type[Message]
    response: type[Message]

    @classmethod
    def of(cls, described: MethodDescriptor) -> "Method":
        """Raises ValueError for a stream."""
        service = described.containing_service
        if described.client_streaming or described.server_streaming:
            raise ValueError(f"{described.full_name} streams: the core serves calls of one message each way")
        return cls(
            f"/{service.full_name}/{described.name}",
            GetMessageClass(described.input_type),
            GetMessageClass(described.output_type),
        )


def service_of(contract: Contract) -> ServiceDescriptor:
    """The one service of a contract's file."""
    (service,) = contract.DESCRIPTOR.services_by_name.values()
    found: ServiceDescriptor = service
    return found


def methods_of(contract: Contract) -> Mapping[str, Method]:
    return {described.name: Method.of(described) for described in service_of(contract).methods}


def handler_of(contract: Contract, implementations: Mapping[str, Implementation]) -> grpc.GenericRpcHandler:
    """What a server asks. Raises ValueError where a method is missing, or is none of the contract's."""
    methods = methods_of(contract)
    name = service_of(contract).full_name
    if methods.keys() != implementations.keys():
        raise ValueError(f"{name} has {sorted(methods)}, not {sorted(implementations)}")

    def served(method: Method, implementation: Implementation) -> "grpc.RpcMethodHandler[Any, Any]":
        async def call(request: Message, _context: object) -> Message:
            return await implementation(request)

        return grpc.unary_unary_rpc_method_handler(
            call, method.request.FromString, method.response.SerializeToString
        )

    handlers = {each: served(methods[each], implementations[each]) for each in methods}
    return grpc.method_handlers_generic_handler(name, handlers)
