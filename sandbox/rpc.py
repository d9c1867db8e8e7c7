"""The gRPC edge of a sandbox server: unary methods, refusals and faults, served on loopback."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import grpc

from sandbox.faults import Fault, Faults
from sandbox.serving import LOOPBACK, listen

THREADS = 32
STOP_SECONDS = 0.5
_MESSAGE_BYTES_MAX = 4 * 1024 * 1024

Message: TypeAlias = Any
"""A protobuf message; the libraries carry no types."""

Method: TypeAlias = Callable[[Message], Message]

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""The code that a fault's HTTP status stands for."""


class RefusedError(Exception):
    """What the client is told instead of an answer."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.NOT_FOUND, message)


def unimplemented(what: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"the sandbox does not know {what}")


class Routes:
    """The methods of one service by name; an unknown one is answered with UNIMPLEMENTED and its name."""

    def __init__(
        self, service: str, methods: Mapping[str, tuple[Method, Any]], faults: Faults | None = None
    ) -> None:
        """`methods`: what answers, and the plain protobuf type of its request."""
        waiting = Faults() if faults is None else faults  # one without faults is false
        self._handlers = {
            f"/{service}/{name}": grpc.unary_unary_rpc_method_handler(
                _answered(name, method, waiting),
                request_deserializer=request_type.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, (method, request_type) in methods.items()
        }

    def service(self, call: Any) -> Any:
        return self._handlers.get(call.method) or _unknown(call.method)


def _answered(name: str, method: Method, faults: Faults) -> Callable[[Message, Any], Message]:
    def handle(request: Message, context: Any) -> Message:
        fault = faults.take(name)
        if fault is not None and fault.status:
            context.abort(CODES[fault.status], fault.message or "a fault that was asked for")
        try:
            answer = method(request)
        except RefusedError as error:
            return context.abort(error.code, error.message)
        if fault is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer is lost")
        return answer

    return handle


def _unknown(method: str) -> Any:
    def handle(_request: bytes, context: Any) -> None:
        error = unimplemented(method)
        context.abort(error.code, error.message)

    return grpc.unary_unary_rpc_method_handler(handle)


def check_fault(fault: Fault) -> None:
    """Raises ValueError for what cannot be done over gRPC."""
    if fault.status and fault.status not in CODES:
        raise ValueError(f"'status' is one of {', '.join(map(str, CODES))}, not {fault.status}")
    if fault.body is not None or fault.retry_after_seconds is not None:
        raise ValueError("'body' and 'retry_after_seconds' are for HTTP; a gRPC answer has neither")


def start(routes: Routes, port: int, host: str = LOOPBACK) -> tuple[Any, int]:
    """Serve on loopback; the running gRPC server and its port. Raises RuntimeError when the port is taken."""
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX)]
    server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[routes], options=options)
    bound = server.add_insecure_port(f"{host}:{port}")
    server.start()
    return server, bound


def serve(name: str, routes: Routes, port: int, host: str = LOOPBACK) -> None:
    """Serve until SIGTERM or Ctrl-C; print the address once connections are accepted."""
    if port:
        listen(port, host).close()  # says clearly when it is taken; gRPC would log its inner story
    stopped = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _signal, _frame: stopped.set())
    server, bound = start(routes, port, host)
    print(f"{name} on {host}:{bound}", flush=True)
    stopped.wait()
    server.stop(STOP_SECONDS).wait()
