"""The SNS API as boto3 speaks it: form fields in, XML out; and its links, opened with GET."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tpma.simulator.errors import Refusal
from tpma.simulator.http import Request, Response
from tpma.simulator.operations import signed
from tpma.simulator.state import Subscription
from tpma.simulator.world import World

_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
Fields = dict[str, str]


def answer(world: World, request: Request) -> Response:
    """POST is the signed API; GET are the links of a handshake, good for whoever has the token."""
    text = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    given = dict(parse_qsl(text, keep_blank_values=True))
    action = given.get("Action", "")
    try:
        if request.method == "POST":
            signed(world, request, "sns")
        elif action not in ("ConfirmSubscription", "Unsubscribe"):
            raise Refusal("InvalidAction", "This link does nothing.", 404)
        act = _ACTIONS.get(action)
        if act is None:
            raise Refusal("InvalidAction", f"The simulator has no {action} of SNS.")
        told = act(world, given)
    except Refusal as refusal:
        return _xml(world, _error(refusal), refusal.status)
    if action not in ("ListSubscriptionsByTopic", "GetTopicAttributes"):
        world.save()
    result = f"<{action}Result>{told}</{action}Result>" if told else ""
    inner = f"{result}<ResponseMetadata>{_request_id(world)}</ResponseMetadata>"
    return _xml(world, f'<{action}Response xmlns="{_NAMESPACE}">{inner}</{action}Response>', 200)


def _xml(_world: World, text: str, status: int) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/xml"})


def _error(refusal: Refusal) -> str:
    code, message = escape(refusal.code), escape(refusal.message)
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error></ErrorResponse>"
    )


def _request_id(world: World) -> str:
    return f"<RequestId>{world.new_id('request')}</RequestId>"


def _need(given: Fields, name: str) -> str:
    if not given.get(name):
        raise Refusal("ValidationError", f"{name} is required")
    return given[name]


def _attributes(given: Fields) -> Fields:
    found = {}
    for name, value in given.items():
        if name.startswith("Attributes.entry.") and name.endswith(".key"):
            found[value] = given.get(name.removesuffix("key") + "value", "")
    return found


def _create(world: World, given: Fields) -> str:
    topic = world.sns.create(_need(given, "Name"), _attributes(given))
    return f"<TopicArn>{topic.arn}</TopicArn>"


def _set(world: World, given: Fields) -> str:
    world.sns.set_attribute(
        _need(given, "TopicArn"), _need(given, "AttributeName"), given.get("AttributeValue", "")
    )
    return ""


def _get(world: World, given: Fields) -> str:
    topic = world.sns.topic(_need(given, "TopicArn"))
    told = {"TopicArn": topic.arn, "SignatureVersion": topic.signature_version}
    entries = "".join(
        f"<entry><key>{key}</key><value>{value}</value></entry>" for key, value in told.items()
    )
    return f"<Attributes>{entries}</Attributes>"


def _subscribe(world: World, given: Fields) -> str:
    made = world.sns.subscribe(
        _need(given, "TopicArn"), _need(given, "Protocol"), _need(given, "Endpoint")
    )
    open_arn = made.confirmed or given.get("ReturnSubscriptionArn") == "true"
    return _arn(made.arn if open_arn else "pending confirmation")


def _confirm(world: World, given: Fields) -> str:
    return _arn(world.sns.confirm(_need(given, "TopicArn"), _need(given, "Token")).arn)


def _unsubscribe(world: World, given: Fields) -> str:
    world.sns.unsubscribe(_need(given, "SubscriptionArn"))
    return ""


def _list(world: World, given: Fields) -> str:
    topic = world.sns.topic(_need(given, "TopicArn"))
    members = "".join(_member(topic.arn, each, world) for each in topic.subscriptions)
    return f"<Subscriptions>{members}</Subscriptions>"


def _member(topic: str, each: Subscription, world: World) -> str:
    told: dict[str, Any] = {
        "TopicArn": topic,
        "Protocol": each.protocol,
        "SubscriptionArn": each.arn if each.confirmed else "PendingConfirmation",
        "Owner": world.account_id,
        "Endpoint": each.endpoint,
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
    return f"<member>{inner}</member>"


def _arn(value: str) -> str:
    return f"<SubscriptionArn>{escape(value)}</SubscriptionArn>"


_ACTIONS: dict[str, Callable[[World, Fields], str]] = {
    "CreateTopic": _create,
    "SetTopicAttributes": _set,
    "GetTopicAttributes": _get,
    "Subscribe": _subscribe,
    "ConfirmSubscription": _confirm,
    "Unsubscribe": _unsubscribe,
    "ListSubscriptionsByTopic": _list,
}
