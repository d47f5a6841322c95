"""Sending domains and tenants at Amazon SES (API v2): the control plane, apart from the mails.

Its client may repeat calls (each of them converges) and makes one a second, which is what SES
allows outside sending.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tpma.adapters.pace import Pace
from tpma.core.errors import Invalid, Unavailable
from tpma.core.i18n import gettext as _
from tpma.ports.identities import (
    SHARED,
    DomainSpec,
    IdentityState,
    Record,
    TenantSpec,
    TenantState,
)

LONGEST_DELIVERY = 50_400  # seconds, 14 hours: "accepted" does not linger for days
_BIT_NAMES = {"RSA_1024_BIT": 1024, "RSA_2048_BIT": 2048}
_KEY = "RSA_2048_BIT"
_REASONS = ["BOUNCE", "COMPLAINT"]
_EVENTS = [
    "SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "RENDERING_FAILURE", "DELIVERY_DELAY",
]  # fmt: skip
_DESTINATION = "tpma-events"
_THERE = "AlreadyExistsException"
_GONE = "NotFoundException"


class SesIdentities:
    name = "ses"
    has_tenants = True

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        region: str,
        topic: str = "",
        base_set: str = "",
        shared: str = "",
        pace: Pace,
    ) -> None:
        """`topic`: ARN that events are published to; without one that of `base_set`'s events.

        `shared` is the platform's domain: it and `base_set` belong to every partner's tenant, so
        that mails from it carry the tenant too.

        `connect` makes the client when it is first needed: most processes never ask.
        """
        self._connect, self._pace = connect, pace
        self._region, self._topic, self._base_set = region, topic, base_set
        self._shared = shared

    @classmethod
    def of(cls, region: str, *, topic: str, base_set: str, shared: str = "") -> "SesIdentities":
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=3,
            read_timeout=30,
        )
        return cls(
            lambda: boto3.client("sesv2", region_name=region, config=config),
            region=region,
            topic=topic,
            base_set=base_set,
            shared=shared,
            pace=Pace(1.0),
        )

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def ensure_tenant(self, tenant: TenantSpec) -> TenantState:
        made = self._tenant(tenant.name)
        self._ensure_policy(made["TenantArn"], "strict" if tenant.strict else "standard")
        group = f"tpma-{tenant.name}"[:64].rstrip("-")
        self._ensure_set(group)
        self._ensure_destination(group)
        self._ensure_associated(
            tenant.name, self._arn(made["TenantArn"], "configuration-set", group)
        )
        self._ensure_shared(tenant.name, made["TenantArn"])
        return self._tenant_state(made, group)

    def ensure_identity(self, spec: DomainSpec) -> IdentityState:
        group = spec.tenant.configuration_set if spec.tenant else self._base_set
        self._ensure_known(spec.domain, group)
        told = self._call("get_email_identity", EmailIdentity=spec.domain)
        self._ensure_signed(spec.domain, told)
        self._ensure_returned(spec, told)
        if group and told.get("ConfigurationSetName") != group:
            self._call(
                "put_email_identity_configuration_set_attributes",
                EmailIdentity=spec.domain,
                ConfigurationSetName=group,
            )
        if spec.tenant is not None:
            arn = self._arn(spec.tenant.reference, "identity", spec.domain)
            self._ensure_associated(spec.tenant.name, arn)
        found = self.check_identity(spec)
        if found is None:
            raise Unavailable(_("Amazon SES does not know %(domain)s yet.", domain=spec.domain))
        return found

    def check_identity(self, spec: DomainSpec) -> IdentityState | None:
        told = self._found("get_email_identity", EmailIdentity=spec.domain)
        if told is None:
            return None
        associated = (
            self._associated(spec.tenant.name, spec.tenant.reference)
            if spec.tenant
            else frozenset()
        )
        return self._state(spec, told, associated)

    def set_tenant_sending(self, tenant: TenantState, enabled: bool) -> None:
        self._call(
            "update_reputation_entity_customer_managed_status",
            ReputationEntityType="RESOURCE",
            ReputationEntityReference=tenant.reference,
            SendingStatus="ENABLED" if enabled else "DISABLED",
        )

    def teardown(self, domain: str) -> None:
        self._found("delete_email_identity", EmailIdentity=domain)

    def _tenant(self, name: str) -> Mapping[str, Any]:
        wanted: dict[str, Any] = {"SuppressedReasons": _REASONS, "SuppressionScope": "TENANT"}
        made = self._made("create_tenant", TenantName=name, SuppressionAttributes=wanted)
        if made is not None:
            return made
        found: Mapping[str, Any] = self._call("get_tenant", TenantName=name)["Tenant"]
        told = found.get("SuppressionAttributes", {})
        same = told.get("SuppressionScope") == "TENANT"
        if not same or set(told.get("SuppressedReasons", [])) != set(_REASONS):
            self._call("put_tenant_suppression_attributes", TenantName=name, **wanted)
        return found

    def _tenant_state(self, told: Mapping[str, Any], group: str) -> TenantState:
        return TenantState(
            name=told["TenantName"],
            reference=told["TenantArn"],
            configuration_set=group,
            status=str(told.get("SendingStatus", "ENABLED")),
            associated=self._associated(told["TenantName"], told["TenantArn"]),
        )

    def _ensure_policy(self, reference: str, policy: str) -> None:
        """How soon SES itself stops the tenant."""
        wanted = f"arn:aws:ses:{self._region}:aws:reputation-policy/{policy}"
        entity = {"ReputationEntityType": "RESOURCE", "ReputationEntityReference": reference}
        told = self._call("get_reputation_entity", **entity)["ReputationEntity"]
        if told.get("ReputationManagementPolicy") != wanted:
            self._call("update_reputation_entity_policy", ReputationEntityPolicy=wanted, **entity)

    def _ensure_set(self, name: str) -> None:
        wanted: dict[str, dict[str, Any]] = {
            "DeliveryOptions": {"MaxDeliverySeconds": LONGEST_DELIVERY},
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SuppressionOptions": {"SuppressedReasons": _REASONS},
        }
        put = {
            "DeliveryOptions": "put_configuration_set_delivery_options",
            "ReputationOptions": "put_configuration_set_reputation_options",
            "SuppressionOptions": "put_configuration_set_suppression_options",
        }
        made = self._made("create_configuration_set", ConfigurationSetName=name, **wanted)
        if made is not None:
            return
        told = self._call("get_configuration_set", ConfigurationSetName=name)
        for part, options in wanted.items():
            there = told.get(part, {})
            if any(there.get(key) != value for key, value in options.items()):
                # What an operator added by hand (a pool, a TLS policy) stays.
                self._call(put[part], ConfigurationSetName=name, **{**there, **options})

    def _ensure_destination(self, group: str) -> None:
        wanted = {
            "Enabled": True,
            "MatchingEventTypes": _EVENTS,
            "SnsDestination": {"TopicArn": self._event_topic()},
        }
        told = self._destinations(group)
        mine = next((each for each in told if each.get("Name") == _DESTINATION), None)
        if mine is not None and _same_destination(mine, wanted):
            return
        how = "create" if mine is None else "update"
        self._call(
            f"{how}_configuration_set_event_destination",
            ConfigurationSetName=group,
            EventDestinationName=_DESTINATION,
            EventDestination=wanted,
        )

    def _event_topic(self) -> str:
        if not self._topic and self._base_set:
            for each in self._destinations(self._base_set):
                self._topic = self._topic or each.get("SnsDestination", {}).get("TopicArn", "")
        if not self._topic:
            raise Unavailable(
                _(
                    "No topic for delivery events is known: set TPMA_SNS_TOPICS, or give "
                    "TPMA_SES_CONFIGURATION_SET an SNS destination."
                )
            )
        return self._topic

    def _destinations(self, group: str) -> list[Mapping[str, Any]]:
        told = self._call("get_configuration_set_event_destinations", ConfigurationSetName=group)
        return list(told.get("EventDestinations", []))

    def _ensure_known(self, domain: str, group: str) -> None:
        request: dict[str, Any] = {
            "EmailIdentity": domain,
            "DkimSigningAttributes": {"NextSigningKeyLength": _KEY},
        }
        if group:
            request["ConfigurationSetName"] = group
        self._made("create_email_identity", **request)

    def _ensure_signed(self, domain: str, told: Mapping[str, Any]) -> None:
        dkim = told.get("DkimAttributes", {})
        if not dkim.get("SigningEnabled", False):
            self._call(
                "put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=True
            )
        if dkim.get("NextSigningKeyLength", _KEY) != _KEY:
            self._call(
                "put_email_identity_dkim_signing_attributes",
                EmailIdentity=domain,
                SigningAttributesOrigin="AWS_SES",
                SigningAttributes={"NextSigningKeyLength": _KEY},
            )

    def _ensure_returned(self, spec: DomainSpec, told: Mapping[str, Any]) -> None:
        """Bounces come back to the domain's own sub-domain, as events and not as mails."""
        wanted = {
            "MailFromDomain": _mail_from(spec.domain),
            "BehaviorOnMxFailure": "REJECT_MESSAGE",
        }
        there = told.get("MailFromAttributes", {})
        if any(there.get(key) != value for key, value in wanted.items()):
            self._call(
                "put_email_identity_mail_from_attributes", EmailIdentity=spec.domain, **wanted
            )
        if told.get("FeedbackForwardingStatus", True):
            self._call(
                "put_email_identity_feedback_attributes",
                EmailIdentity=spec.domain,
                EmailForwardingEnabled=False,
            )

    def _ensure_associated(self, tenant: str, arn: str) -> None:
        self._made("create_tenant_resource_association", TenantName=tenant, ResourceArn=arn)

    def _ensure_shared(self, tenant: str, reference: str) -> None:
        """Not before the platform's own look has made the identity SES knows it by."""
        shared = self._shared_arns(reference)
        if shared and self._found("get_email_identity", EmailIdentity=self._shared) is not None:
            for arn in sorted(shared):
                self._ensure_associated(tenant, arn)

    def _shared_arns(self, reference: str) -> set[str]:
        if not (self._shared and self._base_set):
            return set()
        return {
            self._arn(reference, "identity", self._shared),
            self._arn(reference, "configuration-set", self._base_set),
        }

    def _associated(self, tenant: str, reference: str) -> frozenset[str]:
        """Kinds of the partner's own resources, and SHARED where both shared ones are its too."""
        told = self._call("list_tenant_resources", TenantName=tenant)
        arns = {each["ResourceArn"] for each in told.get("TenantResources", [])}
        shared = self._shared_arns(reference)
        own = {arn.split(":", 5)[5].partition("/")[0] for arn in arns - shared}
        return frozenset(own | {SHARED} if shared and shared <= arns else own)

    def _arn(self, reference: str, kind: str, name: str) -> str:
        """Of something beside the tenant whose ARN this is."""
        return f"{reference.rpartition(':')[0]}:{kind}/{name}"

    def _state(
        self, spec: DomainSpec, told: Mapping[str, Any], associated: frozenset[str]
    ) -> IdentityState:
        dkim, back = told.get("DkimAttributes", {}), told.get("MailFromAttributes", {})
        bits = dkim.get("CurrentSigningKeyLength") or dkim.get("NextSigningKeyLength", "")
        return IdentityState(
            domain=spec.domain,
            reference=self._arn(spec.tenant.reference, "identity", spec.domain)
            if spec.tenant
            else "",
            records=tuple(self._records(spec.domain, dkim)),
            dkim_domain=spec.domain,
            dkim_bits=_BIT_NAMES.get(bits, 0),
            dkim_verified=dkim.get("Status") == "SUCCESS" and bool(dkim.get("SigningEnabled")),
            mail_from=str(back.get("MailFromDomain", "")),
            mail_from_verified=back.get("MailFromDomainStatus") == "SUCCESS",
            rejects_without_mx=back.get("BehaviorOnMxFailure") == "REJECT_MESSAGE",
            configuration_set=str(told.get("ConfigurationSetName", "")),
            associated=associated,
            trouble=str(told.get("VerificationInfo", {}).get("ErrorType", "")),
        )

    def _records(self, domain: str, dkim: Mapping[str, Any]) -> list[Record]:
        zone = dkim.get("SigningHostedZone") or "dkim.amazonses.com"
        back = _mail_from(domain)
        return [
            *(
                Record("dkim", "CNAME", f"{token}._domainkey.{domain}", f"{token}.{zone}")
                for token in dkim.get("Tokens", [])
            ),
            Record("return_path", "MX", back, f"10 feedback-smtp.{self._region}.amazonses.com"),
            Record("spf", "TXT", back, "v=spf1 include:amazonses.com -all"),
        ]

    def _made(self, operation: str, **request: Any) -> dict[str, Any] | None:
        """What was made; None if it is there already."""
        made: dict[str, Any] | None = self._call(operation, _quiet=_THERE, **request)
        return made

    def _found(self, operation: str, **request: Any) -> dict[str, Any] | None:
        """The answer about something; None if it is not there."""
        found: dict[str, Any] | None = self._call(operation, _quiet=_GONE, **request)
        return found

    def _call(self, operation: str, *, _quiet: str = "", **request: Any) -> Any:
        """Raises Unavailable with SES's code, Invalid where SES calls a value wrong."""
        call: Callable[..., Any] = getattr(self._client, operation)
        self._pace.wait()
        try:
            return call(**request)
        except ClientError as error:
            told = error.response.get("Error", {})
            code, words = str(told.get("Code", "")), str(told.get("Message", ""))[:160]
            if _quiet and code == _quiet:
                return None
            if code == "BadRequestException":
                raise Invalid(_("Amazon SES refuses it: %(words)s", words=words)) from error
            raise Unavailable(_("Amazon SES says %(code)s.", code=code)) from error
        except BotoCoreError as error:
            raise Unavailable(
                _("Amazon SES does not answer (%(code)s).", code=type(error).__name__)
            ) from error


def _mail_from(domain: str) -> str:
    return f"bounce.{domain}"


def _same_destination(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    topic = told.get("SnsDestination", {}).get("TopicArn")
    return (
        bool(told.get("Enabled"))
        and set(told.get("MatchingEventTypes", [])) == set(wanted["MatchingEventTypes"])
        and topic == wanted["SnsDestination"]["TopicArn"]
    )
