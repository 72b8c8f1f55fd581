"""The XMP description that file managers and photo programs read."""

from __future__ import annotations

import re
from html import escape  # xml.sax.saxutils would bring HTTP along

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:CreatorTool={tool}
    xmp:CreateDate={created}>
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">{description}</rdf:li>
    </rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def write_xmp(description: str, tool: str, created: str) -> str:
    """An XMP packet: `description` is the prompt, `created` a date in ISO 8601.

    Characters that XML can't hold are left out.
    """
    return _PACKET.format(
        description=escape(_legal(description), quote=False), tool=_quoted(tool), created=_quoted(created)
    )


def _quoted(text: str) -> str:
    return f'"{escape(_legal(text))}"'


def _legal(text: str) -> str:
    return _NOT_XML.sub("", text)
