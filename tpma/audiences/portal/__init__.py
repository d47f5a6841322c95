"""A partner's audience: who may be written to, and where they came from.

One file a noun; every view needs a permission no vendor role has.
"""

from tpma.audiences.portal import contacts, imports, segments, suppressions
from tpma.audiences.portal.door import portal

__all__ = ["contacts", "imports", "portal", "segments", "suppressions"]
