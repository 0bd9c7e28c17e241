"""Bodies that are prose: a prompt about SQL, scripts or files is no attack, and no rule may refuse it as one.

On every other path what the groups find in a body refuses the request as it would have by itself: their rules
about bodies count, and leave a label, and one rule behind them all blocks what has such a label.
Source of the rules and their labels: "AWS Managed Rules rule groups list", AWS WAF developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import aws_wafv2 as waf

from stacks.manifest import Manifest

Acl = waf.CfnWebACL

#: By key of the configuration: the group's namespace of labels, and its rules about bodies without `_BODY`.
BODY_RULES = {
    "common": ("core-rule-set", ("CrossSiteScripting", "EC2MetaDataSSRF", "GenericLFI", "GenericRFI")),
    "known_bad_inputs": ("known-bad-inputs", ("JavaDeserializationRCE", "Log4JRCE", "ReactJSRCE")),
    "sql_injection": ("sql-database", ("SQLi", "SQLiExtendedPatterns")),
}


def prose_paths(manifests: Iterable[Manifest]) -> list[str]:
    """Paths whose bodies are prose, of all services."""
    return sorted({path for manifest in manifests for path in manifest.prose})


def body_rules(key: str) -> list[str]:
    """Names of a group's rules about bodies."""
    _, stems = BODY_RULES.get(key, ("", ()))
    return [f"{stem}_BODY" for stem in stems]


def bad_body(groups: Sequence[str], prose: Sequence[str]) -> Acl.StatementProperty:
    """One of ``groups`` found something in the body, and the path is none of ``prose``."""
    labels = [
        Acl.StatementProperty(
            label_match_statement=Acl.LabelMatchStatementProperty(
                scope="LABEL", key=f"awswaf:managed:aws:{space}:{stem}_Body"
            )
        )
        for space, stems in (BODY_RULES[key] for key in groups)
        for stem in stems
    ]
    elsewhere = [
        Acl.StatementProperty(not_statement=Acl.NotStatementProperty(statement=path_is(pattern)))
        for pattern in prose
    ]
    found = Acl.StatementProperty(or_statement=Acl.OrStatementProperty(statements=labels))
    return Acl.StatementProperty(and_statement=Acl.AndStatementProperty(statements=[found, *elsewhere]))


def path_is(pattern: str) -> Acl.StatementProperty:
    """The path fits, compared as a server would read it; ``*`` at the end is open."""
    return Acl.StatementProperty(
        byte_match_statement=Acl.ByteMatchStatementProperty(
            field_to_match=Acl.FieldToMatchProperty(uri_path={}),
            positional_constraint="STARTS_WITH" if pattern.endswith("*") else "EXACTLY",
            search_string=pattern.removesuffix("*").lower(),
            text_transformations=[
                Acl.TextTransformationProperty(priority=number, type=kind)
                for number, kind in enumerate(("URL_DECODE", "NORMALIZE_PATH", "LOWERCASE"))
            ],
        )
    )
