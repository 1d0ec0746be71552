"""Every operation of every version: its payloads and when it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_4, V2_0, V2_1, Version


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation; none was ever withdrawn."""

    request: type[p.RequestPayload]
    response: type[p.ResponsePayload]
    since: Version


#: In the order of the enumeration.
OPERATIONS: Final[dict[Operation, OperationSpec]] = {
    Operation.CREATE: OperationSpec(p.CreateRequestPayload, p.CreateResponsePayload, V1_0),
    Operation.CREATE_KEY_PAIR: OperationSpec(p.CreateKeyPairRequestPayload, p.CreateKeyPairResponsePayload, V1_0),
    Operation.REGISTER: OperationSpec(p.RegisterRequestPayload, p.RegisterResponsePayload, V1_0),
    Operation.RE_KEY: OperationSpec(p.ReKeyRequestPayload, p.ReKeyResponsePayload, V1_0),
    Operation.DERIVE_KEY: OperationSpec(p.DeriveKeyRequestPayload, p.DeriveKeyResponsePayload, V1_0),
    Operation.CERTIFY: OperationSpec(p.CertifyRequestPayload, p.CertifyResponsePayload, V1_0),
    Operation.RE_CERTIFY: OperationSpec(p.ReCertifyRequestPayload, p.ReCertifyResponsePayload, V1_0),
    Operation.LOCATE: OperationSpec(p.LocateRequestPayload, p.LocateResponsePayload, V1_0),
    Operation.CHECK: OperationSpec(p.CheckRequestPayload, p.CheckResponsePayload, V1_0),
    Operation.GET: OperationSpec(p.GetRequestPayload, p.GetResponsePayload, V1_0),
    Operation.GET_ATTRIBUTES: OperationSpec(p.GetAttributesRequestPayload, p.GetAttributesResponsePayload, V1_0),
    Operation.GET_ATTRIBUTE_LIST: OperationSpec(
        p.GetAttributeListRequestPayload, p.GetAttributeListResponsePayload, V1_0
    ),
    Operation.ADD_ATTRIBUTE: OperationSpec(p.AddAttributeRequestPayload, p.AddAttributeResponsePayload, V1_0),
    Operation.MODIFY_ATTRIBUTE: OperationSpec(p.ModifyAttributeRequestPayload, p.ModifyAttributeResponsePayload, V1_0),
    Operation.DELETE_ATTRIBUTE: OperationSpec(p.DeleteAttributeRequestPayload, p.DeleteAttributeResponsePayload, V1_0),
    Operation.OBTAIN_LEASE: OperationSpec(p.ObtainLeaseRequestPayload, p.ObtainLeaseResponsePayload, V1_0),
    Operation.GET_USAGE_ALLOCATION: OperationSpec(
        p.GetUsageAllocationRequestPayload, p.GetUsageAllocationResponsePayload, V1_0
    ),
    Operation.ACTIVATE: OperationSpec(p.ActivateRequestPayload, p.ActivateResponsePayload, V1_0),
    Operation.REVOKE: OperationSpec(p.RevokeRequestPayload, p.RevokeResponsePayload, V1_0),
    Operation.DESTROY: OperationSpec(p.DestroyRequestPayload, p.DestroyResponsePayload, V1_0),
    Operation.ARCHIVE: OperationSpec(p.ArchiveRequestPayload, p.ArchiveResponsePayload, V1_0),
    Operation.RECOVER: OperationSpec(p.RecoverRequestPayload, p.RecoverResponsePayload, V1_0),
    Operation.VALIDATE: OperationSpec(p.ValidateRequestPayload, p.ValidateResponsePayload, V1_0),
    Operation.QUERY: OperationSpec(p.QueryRequestPayload, p.QueryResponsePayload, V1_0),
    Operation.CANCEL: OperationSpec(p.CancelRequestPayload, p.CancelResponsePayload, V1_0),
    Operation.POLL: OperationSpec(p.PollRequestPayload, p.PollResponsePayload, V1_0),
    Operation.NOTIFY: OperationSpec(p.NotifyRequestPayload, p.NotifyResponsePayload, V1_0),
    Operation.PUT: OperationSpec(p.PutRequestPayload, p.PutResponsePayload, V1_0),
    Operation.RE_KEY_KEY_PAIR: OperationSpec(p.ReKeyKeyPairRequestPayload, p.ReKeyKeyPairResponsePayload, V1_1),
    Operation.DISCOVER_VERSIONS: OperationSpec(
        p.DiscoverVersionsRequestPayload, p.DiscoverVersionsResponsePayload, V1_1
    ),
    Operation.ENCRYPT: OperationSpec(p.EncryptRequestPayload, p.EncryptResponsePayload, V1_2),
    Operation.DECRYPT: OperationSpec(p.DecryptRequestPayload, p.DecryptResponsePayload, V1_2),
    Operation.SIGN: OperationSpec(p.SignRequestPayload, p.SignResponsePayload, V1_2),
    Operation.SIGNATURE_VERIFY: OperationSpec(p.SignatureVerifyRequestPayload, p.SignatureVerifyResponsePayload, V1_2),
    Operation.MAC: OperationSpec(p.MACRequestPayload, p.MACResponsePayload, V1_2),
    Operation.MAC_VERIFY: OperationSpec(p.MACVerifyRequestPayload, p.MACVerifyResponsePayload, V1_2),
    Operation.RNG_RETRIEVE: OperationSpec(p.RNGRetrieveRequestPayload, p.RNGRetrieveResponsePayload, V1_2),
    Operation.RNG_SEED: OperationSpec(p.RNGSeedRequestPayload, p.RNGSeedResponsePayload, V1_2),
    Operation.HASH: OperationSpec(p.HashRequestPayload, p.HashResponsePayload, V1_2),
    Operation.CREATE_SPLIT_KEY: OperationSpec(p.CreateSplitKeyRequestPayload, p.CreateSplitKeyResponsePayload, V1_2),
    Operation.JOIN_SPLIT_KEY: OperationSpec(p.JoinSplitKeyRequestPayload, p.JoinSplitKeyResponsePayload, V1_2),
    Operation.IMPORT: OperationSpec(p.ImportRequestPayload, p.ImportResponsePayload, V1_4),
    Operation.EXPORT: OperationSpec(p.ExportRequestPayload, p.ExportResponsePayload, V1_4),
    Operation.LOG: OperationSpec(p.LogRequestPayload, p.LogResponsePayload, V2_0),
    Operation.LOGIN: OperationSpec(p.LoginRequestPayload, p.LoginResponsePayload, V2_0),
    Operation.LOGOUT: OperationSpec(p.LogoutRequestPayload, p.LogoutResponsePayload, V2_0),
    Operation.DELEGATED_LOGIN: OperationSpec(p.DelegatedLoginRequestPayload, p.DelegatedLoginResponsePayload, V2_0),
    Operation.ADJUST_ATTRIBUTE: OperationSpec(p.AdjustAttributeRequestPayload, p.AdjustAttributeResponsePayload, V2_0),
    Operation.SET_ATTRIBUTE: OperationSpec(p.SetAttributeRequestPayload, p.SetAttributeResponsePayload, V2_0),
    Operation.SET_ENDPOINT_ROLE: OperationSpec(p.SetEndpointRoleRequestPayload, p.SetEndpointRoleResponsePayload, V2_0),
    Operation.PKCS_11: OperationSpec(p.PKCS11RequestPayload, p.PKCS11ResponsePayload, V2_0),
    Operation.INTEROP: OperationSpec(p.InteropRequestPayload, p.InteropResponsePayload, V2_0),
    Operation.RE_PROVISION: OperationSpec(p.ReProvisionRequestPayload, p.ReProvisionResponsePayload, V2_0),
    Operation.SET_DEFAULTS: OperationSpec(p.SetDefaultsRequestPayload, p.SetDefaultsResponsePayload, V2_1),
    Operation.SET_CONSTRAINTS: OperationSpec(p.SetConstraintsRequestPayload, p.SetConstraintsResponsePayload, V2_1),
    Operation.GET_CONSTRAINTS: OperationSpec(p.GetConstraintsRequestPayload, p.GetConstraintsResponsePayload, V2_1),
    Operation.QUERY_ASYNCHRONOUS_REQUESTS: OperationSpec(
        p.QueryAsynchronousRequestsRequestPayload, p.QueryAsynchronousRequestsResponsePayload, V2_1
    ),
    Operation.PROCESS: OperationSpec(p.ProcessRequestPayload, p.ProcessResponsePayload, V2_1),
    Operation.PING: OperationSpec(p.PingRequestPayload, p.PingResponsePayload, V2_1),
}

#: Answered whatever the version of the header: a client that does not know yet which version to speak begins with the
#: oldest there is (openCryptoki asks in 1.0 first), and the answer holds no word younger than that.
#: 1.x has Notify and Put, and no word with which to ask for them: a client may use that of 2.0.
IN_ANY_VERSION: Final = frozenset({Operation.DISCOVER_VERSIONS, Operation.SET_ENDPOINT_ROLE})

#: Operations whose answer is the identifier of an object, or what the client itself has just said of it: nothing that
#: anybody should keep.
ANSWERED_BY_NAME: Final = frozenset(
    {
        Operation.ACTIVATE,
        Operation.CHECK,
        Operation.REVOKE,
        Operation.DESTROY,
        Operation.ARCHIVE,
        Operation.RECOVER,
        Operation.GET_USAGE_ALLOCATION,
        Operation.ADD_ATTRIBUTE,
        Operation.MODIFY_ATTRIBUTE,
        Operation.DELETE_ATTRIBUTE,
        Operation.SET_ATTRIBUTE,
        Operation.ADJUST_ATTRIBUTE,
    }
)

REQUESTS: Final = {operation: spec.request for operation, spec in OPERATIONS.items()}
RESPONSES: Final = {operation: spec.response for operation, spec in OPERATIONS.items()}
