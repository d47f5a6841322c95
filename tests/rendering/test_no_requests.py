"""A mail asks nobody but this installation for anything."""

import re
from dataclasses import replace

from tests.factories import rendering as factory
from tpma.rendering.facts import Person
from tpma.rendering.mail import compile_mail

_RESOURCE = re.compile(r"""(?:<link[^>]+href=|src=|@import url\()["']?(https?://[^"')\s]+)""")


def test_a_mail_loads_nothing_from_strangers_whatever_its_fonts():
    content = factory.content()
    mail = content.asset("email1")
    roboto = mail.source.replace("<mj-text", '<mj-text font-family="Roboto,Open Sans,Lato"')
    assets = tuple(
        replace(asset, source=roboto) if asset.key == "email1" else asset
        for asset in content.assets
    )
    facts = factory.facts_of_launch()
    skeleton = compile_mail(
        replace(content, assets=assets),
        "email1",
        "en",
        requested="en-US",
        brand=factory.brand(),
        vendor=factory.vendor(),
        launch=facts,
        slots={},
        link_numbers={"cta": 0, "site": 1},
    )

    html = skeleton.html(Person("Ada"), "A" * 24)

    assert "googleapis" not in html
    hosts = {address.split("/")[2] for address in _RESOURCE.findall(html)}
    ours = (facts.base_url, factory.brand().logo.url, factory.vendor().logo.url)
    assert hosts <= {address.split("/")[2] for address in ours}
