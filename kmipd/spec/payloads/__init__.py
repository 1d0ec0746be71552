"""Request and response of every operation, side by side, one module each."""

from kmipd.spec.payloads.activate import ActivateRequestPayload, ActivateResponsePayload
from kmipd.spec.payloads.add_attribute import AddAttributeRequestPayload, AddAttributeResponsePayload
from kmipd.spec.payloads.adjust_attribute import AdjustAttributeRequestPayload, AdjustAttributeResponsePayload
from kmipd.spec.payloads.archive import ArchiveRequestPayload, ArchiveResponsePayload
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload, Undecodable, UnknownPayload
from kmipd.spec.payloads.cancel import CancelRequestPayload, CancelResponsePayload
from kmipd.spec.payloads.certify import CertifyRequestPayload, CertifyResponsePayload
from kmipd.spec.payloads.check import CheckRequestPayload, CheckResponsePayload
from kmipd.spec.payloads.create import CreateRequestPayload, CreateResponsePayload
from kmipd.spec.payloads.create_key_pair import CreateKeyPairRequestPayload, CreateKeyPairResponsePayload
from kmipd.spec.payloads.create_split_key import CreateSplitKeyRequestPayload, CreateSplitKeyResponsePayload
from kmipd.spec.payloads.decrypt import DecryptRequestPayload, DecryptResponsePayload
from kmipd.spec.payloads.delegated_login import DelegatedLoginRequestPayload, DelegatedLoginResponsePayload
from kmipd.spec.payloads.delete_attribute import DeleteAttributeRequestPayload, DeleteAttributeResponsePayload
from kmipd.spec.payloads.derive_key import DeriveKeyRequestPayload, DeriveKeyResponsePayload
from kmipd.spec.payloads.destroy import DestroyRequestPayload, DestroyResponsePayload
from kmipd.spec.payloads.discover_versions import DiscoverVersionsRequestPayload, DiscoverVersionsResponsePayload
from kmipd.spec.payloads.encrypt import EncryptRequestPayload, EncryptResponsePayload
from kmipd.spec.payloads.export import ExportRequestPayload, ExportResponsePayload
from kmipd.spec.payloads.get import GetRequestPayload, GetResponsePayload
from kmipd.spec.payloads.get_attribute_list import GetAttributeListRequestPayload, GetAttributeListResponsePayload
from kmipd.spec.payloads.get_attributes import GetAttributesRequestPayload, GetAttributesResponsePayload
from kmipd.spec.payloads.get_constraints import GetConstraintsRequestPayload, GetConstraintsResponsePayload
from kmipd.spec.payloads.get_usage_allocation import GetUsageAllocationRequestPayload, GetUsageAllocationResponsePayload
from kmipd.spec.payloads.hash import HashRequestPayload, HashResponsePayload
from kmipd.spec.payloads.import_ import ImportRequestPayload, ImportResponsePayload
from kmipd.spec.payloads.interop import InteropRequestPayload, InteropResponsePayload
from kmipd.spec.payloads.join_split_key import JoinSplitKeyRequestPayload, JoinSplitKeyResponsePayload
from kmipd.spec.payloads.locate import LocateRequestPayload, LocateResponsePayload
from kmipd.spec.payloads.log import LogRequestPayload, LogResponsePayload
from kmipd.spec.payloads.login import LoginRequestPayload, LoginResponsePayload
from kmipd.spec.payloads.logout import LogoutRequestPayload, LogoutResponsePayload
from kmipd.spec.payloads.mac import MACRequestPayload, MACResponsePayload
from kmipd.spec.payloads.mac_verify import MACVerifyRequestPayload, MACVerifyResponsePayload
from kmipd.spec.payloads.modify_attribute import ModifyAttributeRequestPayload, ModifyAttributeResponsePayload
from kmipd.spec.payloads.notify import NotifyRequestPayload, NotifyResponsePayload
from kmipd.spec.payloads.obtain_lease import ObtainLeaseRequestPayload, ObtainLeaseResponsePayload
from kmipd.spec.payloads.ping import PingRequestPayload, PingResponsePayload
from kmipd.spec.payloads.pkcs11 import PKCS11RequestPayload, PKCS11ResponsePayload
from kmipd.spec.payloads.poll import PollRequestPayload, PollResponsePayload
from kmipd.spec.payloads.process import ProcessRequestPayload, ProcessResponsePayload
from kmipd.spec.payloads.put import PutRequestPayload, PutResponsePayload
from kmipd.spec.payloads.query import QueryRequestPayload, QueryResponsePayload
from kmipd.spec.payloads.query_asynchronous_requests import (
    QueryAsynchronousRequestsRequestPayload,
    QueryAsynchronousRequestsResponsePayload,
)
from kmipd.spec.payloads.re_certify import ReCertifyRequestPayload, ReCertifyResponsePayload
from kmipd.spec.payloads.re_key import ReKeyRequestPayload, ReKeyResponsePayload
from kmipd.spec.payloads.re_key_key_pair import ReKeyKeyPairRequestPayload, ReKeyKeyPairResponsePayload
from kmipd.spec.payloads.re_provision import ReProvisionRequestPayload, ReProvisionResponsePayload
from kmipd.spec.payloads.recover import RecoverRequestPayload, RecoverResponsePayload
from kmipd.spec.payloads.register import RegisterRequestPayload, RegisterResponsePayload
from kmipd.spec.payloads.revoke import RevokeRequestPayload, RevokeResponsePayload
from kmipd.spec.payloads.rng_retrieve import RNGRetrieveRequestPayload, RNGRetrieveResponsePayload
from kmipd.spec.payloads.rng_seed import RNGSeedRequestPayload, RNGSeedResponsePayload
from kmipd.spec.payloads.set_attribute import SetAttributeRequestPayload, SetAttributeResponsePayload
from kmipd.spec.payloads.set_constraints import SetConstraintsRequestPayload, SetConstraintsResponsePayload
from kmipd.spec.payloads.set_defaults import SetDefaultsRequestPayload, SetDefaultsResponsePayload
from kmipd.spec.payloads.set_endpoint_role import SetEndpointRoleRequestPayload, SetEndpointRoleResponsePayload
from kmipd.spec.payloads.sign import SignRequestPayload, SignResponsePayload
from kmipd.spec.payloads.signature_verify import SignatureVerifyRequestPayload, SignatureVerifyResponsePayload
from kmipd.spec.payloads.validate import ValidateRequestPayload, ValidateResponsePayload

__all__ = [
    "ActivateRequestPayload",
    "ActivateResponsePayload",
    "AddAttributeRequestPayload",
    "AddAttributeResponsePayload",
    "AdjustAttributeRequestPayload",
    "AdjustAttributeResponsePayload",
    "ArchiveRequestPayload",
    "ArchiveResponsePayload",
    "CancelRequestPayload",
    "CancelResponsePayload",
    "CertifyRequestPayload",
    "CertifyResponsePayload",
    "CheckRequestPayload",
    "CheckResponsePayload",
    "CreateKeyPairRequestPayload",
    "CreateKeyPairResponsePayload",
    "CreateRequestPayload",
    "CreateResponsePayload",
    "CreateSplitKeyRequestPayload",
    "CreateSplitKeyResponsePayload",
    "DecryptRequestPayload",
    "DecryptResponsePayload",
    "DelegatedLoginRequestPayload",
    "DelegatedLoginResponsePayload",
    "DeleteAttributeRequestPayload",
    "DeleteAttributeResponsePayload",
    "DeriveKeyRequestPayload",
    "DeriveKeyResponsePayload",
    "DestroyRequestPayload",
    "DestroyResponsePayload",
    "DiscoverVersionsRequestPayload",
    "DiscoverVersionsResponsePayload",
    "EncryptRequestPayload",
    "EncryptResponsePayload",
    "ExportRequestPayload",
    "ExportResponsePayload",
    "GetAttributeListRequestPayload",
    "GetAttributeListResponsePayload",
    "GetAttributesRequestPayload",
    "GetAttributesResponsePayload",
    "GetConstraintsRequestPayload",
    "GetConstraintsResponsePayload",
    "GetRequestPayload",
    "GetResponsePayload",
    "GetUsageAllocationRequestPayload",
    "GetUsageAllocationResponsePayload",
    "HashRequestPayload",
    "HashResponsePayload",
    "ImportRequestPayload",
    "ImportResponsePayload",
    "InteropRequestPayload",
    "InteropResponsePayload",
    "JoinSplitKeyRequestPayload",
    "JoinSplitKeyResponsePayload",
    "LocateRequestPayload",
    "LocateResponsePayload",
    "LogRequestPayload",
    "LogResponsePayload",
    "LoginRequestPayload",
    "LoginResponsePayload",
    "LogoutRequestPayload",
    "LogoutResponsePayload",
    "MACRequestPayload",
    "MACResponsePayload",
    "MACVerifyRequestPayload",
    "MACVerifyResponsePayload",
    "ModifyAttributeRequestPayload",
    "ModifyAttributeResponsePayload",
    "NotifyRequestPayload",
    "NotifyResponsePayload",
    "ObtainLeaseRequestPayload",
    "ObtainLeaseResponsePayload",
    "PKCS11RequestPayload",
    "PKCS11ResponsePayload",
    "PingRequestPayload",
    "PingResponsePayload",
    "PollRequestPayload",
    "PollResponsePayload",
    "ProcessRequestPayload",
    "ProcessResponsePayload",
    "PutRequestPayload",
    "PutResponsePayload",
    "QueryAsynchronousRequestsRequestPayload",
    "QueryAsynchronousRequestsResponsePayload",
    "QueryRequestPayload",
    "QueryResponsePayload",
    "RNGRetrieveRequestPayload",
    "RNGRetrieveResponsePayload",
    "RNGSeedRequestPayload",
    "RNGSeedResponsePayload",
    "ReCertifyRequestPayload",
    "ReCertifyResponsePayload",
    "ReKeyKeyPairRequestPayload",
    "ReKeyKeyPairResponsePayload",
    "ReKeyRequestPayload",
    "ReKeyResponsePayload",
    "ReProvisionRequestPayload",
    "ReProvisionResponsePayload",
    "RecoverRequestPayload",
    "RecoverResponsePayload",
    "RegisterRequestPayload",
    "RegisterResponsePayload",
    "RequestPayload",
    "ResponsePayload",
    "RevokeRequestPayload",
    "RevokeResponsePayload",
    "SetAttributeRequestPayload",
    "SetAttributeResponsePayload",
    "SetConstraintsRequestPayload",
    "SetConstraintsResponsePayload",
    "SetDefaultsRequestPayload",
    "SetDefaultsResponsePayload",
    "SetEndpointRoleRequestPayload",
    "SetEndpointRoleResponsePayload",
    "SignRequestPayload",
    "SignResponsePayload",
    "SignatureVerifyRequestPayload",
    "SignatureVerifyResponsePayload",
    "Undecodable",
    "UnknownPayload",
    "ValidateRequestPayload",
    "ValidateResponsePayload",
]
