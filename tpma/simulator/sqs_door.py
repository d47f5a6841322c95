"""The SQS API as boto3 speaks it: JSON, the operation in a header."""

from typing import Any

from tpma.simulator.errors import Refusal
from tpma.simulator.http import Request, Response, as_json
from tpma.simulator.operations import signed
from tpma.simulator.validation import check, model
from tpma.simulator.world import World

TARGET = "AmazonSQS."
_KIND = "application/x-amz-json-1.0"
# How the older protocol called them; botocore reads the code from x-amzn-query-error.
_OLD_NAMES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
}


async def answer(world: World, request: Request, given: Any) -> Response:
    name = request.headers["x-amz-target"].removeprefix(TARGET)
    try:
        signed(world, request, "sqs")
        told = await world.sqs.call(name, _checked(name, given))
    except Refusal as refusal:
        return _refused(refusal)
    if name == "CreateQueue":
        world.save()
    return as_json(told, 200, {"x-amzn-RequestId": world.new_id("request")}, _KIND)


def _checked(name: str, given: Any) -> dict[str, Any]:
    if name not in model("sqs").names:
        raise Refusal("UnsupportedOperation", f"There is no {name} of SQS.")
    return dict(check(model("sqs").input_of(name), given, ""))


def _refused(refusal: Refusal) -> Response:
    old = _OLD_NAMES.get(refusal.code, refusal.code)
    told = {"__type": f"com.amazonaws.sqs#{refusal.code}", "message": refusal.message}
    headers = {"x-amzn-query-error": f"{old};Sender"}
    return as_json(told, refusal.status, headers, _KIND)
