"""The protobuf messages of google.firestore.v1, plain: the library's wrappers around them are slow."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc
from google.cloud.firestore_v1.types import document, firestore, query, write

Message: TypeAlias = Any
"""A protobuf message; the library carries no types."""

Document = document.Document.pb()
Value = document.Value.pb()
StructuredQuery = query.StructuredQuery.pb()
Write = write.Write.pb()
WriteResult = write.WriteResult.pb()
FieldTransform = write.DocumentTransform.FieldTransform.pb()

BatchGetDocumentsRequest = firestore.BatchGetDocumentsRequest.pb()
BatchGetDocumentsResponse = firestore.BatchGetDocumentsResponse.pb()
BatchWriteRequest = firestore.BatchWriteRequest.pb()
BatchWriteResponse = firestore.BatchWriteResponse.pb()
BeginTransactionRequest = firestore.BeginTransactionRequest.pb()
BeginTransactionResponse = firestore.BeginTransactionResponse.pb()
CommitRequest = firestore.CommitRequest.pb()
CommitResponse = firestore.CommitResponse.pb()
GetDocumentRequest = firestore.GetDocumentRequest.pb()
ListCollectionIdsRequest = firestore.ListCollectionIdsRequest.pb()
ListCollectionIdsResponse = firestore.ListCollectionIdsResponse.pb()
ListDocumentsRequest = firestore.ListDocumentsRequest.pb()
ListDocumentsResponse = firestore.ListDocumentsResponse.pb()
RollbackRequest = firestore.RollbackRequest.pb()
RunAggregationQueryRequest = firestore.RunAggregationQueryRequest.pb()
RunAggregationQueryResponse = firestore.RunAggregationQueryResponse.pb()
RunQueryRequest = firestore.RunQueryRequest.pb()
RunQueryResponse = firestore.RunQueryResponse.pb()


class RefusedError(Exception):
    """What the client is told instead of an answer."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def unimplemented(what: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"the sandbox does not know {what}")
