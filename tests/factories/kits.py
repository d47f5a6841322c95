"""Kits: published versions made from the smallest kit that passes the check."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from tests.factories.base import bound
from tests.factories.partners import vendor
from tests.kits import small_kit
from tpma.identity.models import Organisation
from tpma.kits import check, service
from tpma.kits.intake import Intake
from tpma.kits.library import open_kit
from tpma.kits.models import KitVersion
from tpma.rendering.content import KitContent


@lru_cache(maxsize=1)
def checked() -> check.Reading:
    """The small kit, read and checked once for all tests."""
    reading = check.checked(open_kit(Intake(files=small_kit.files())))
    assert reading.faults == []
    return reading


def kit_content(**changes: Any) -> KitContent:
    content = checked().content
    assert content is not None
    return replace(content, **changes)


def kit_version(company: Organisation | None = None, **changes: Any) -> KitVersion:
    """A published version; `changes` are fields of its KitContent (`semver`, `tiers`, `deny`…)."""
    content = kit_content(**changes)
    owner = company or vendor().organisation
    return service.publish(bound(), owner.id, content, checked().files)


def kit_draft(company: Organisation, **changes: Any) -> KitVersion:
    """A version that passed the check and is not published."""
    return service.save_draft(bound(), company.id, kit_content(**changes), checked().files)
