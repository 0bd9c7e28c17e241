"""Certificates can be issued, and those that are there have been."""

from __future__ import annotations

from collections.abc import Iterator

from ops.preflight import delegation
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

#: Names by which a CAA record lets Amazon issue (ACM user guide, certification authority authorization).
AMAZON = frozenset({"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"})
_KIND = "AWS::CertificateManager::Certificate"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A certificate that a stack has waits for nothing; one that it will make needs the delegation."""
    if not any(site.resources(_KIND)):
        yield report.ok("no certificate is to be issued")
    for region in site.regions:
        for resource in site.resources(_KIND, region):
            name = resource.properties["DomainName"]
            arn = site.deployed_id(resource)
            if arn is None:
                yield report.ok(f"the certificate of {name} is made when the domain is delegated", region)
                continue
            acm = site.client("acm", region)
            status = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
            if status == "ISSUED":
                yield report.ok(f"the certificate of {name} is issued", region)
            else:
                yield report.failed(
                    f"the certificate of {name} is {status}",
                    "mend the delegation and the CAA records of the domain, or delete the stack that waits",
                    region,
                )


def check_authorities(site: Site, report: Reporter) -> Iterator[Result]:
    """A CAA record, of the domain or the next one above that has any, lets Amazon issue."""
    environment = site.environment
    domain = environment.domain
    if not environment.edge.certificate or domain.rsplit(".", 1)[-1] in delegation.RESERVED:
        yield report.ok("no public certificate is to be issued")
        return
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        records = delegation.answers(name, "CAA")
        if records is None:
            yield report.unknown("no DNS server that knows the internet answers", "look again from elsewhere")
            return
        issuers = {record.split('"')[1] for record in records if record.split()[1] == "issue"}
        if issuers and not issuers & AMAZON:
            yield report.failed(
                f"CAA records of {name} let only {', '.join(sorted(issuers))} issue certificates",
                f'add `0 issue "amazon.com"` to {name}',
            )
            return
        if records:
            break
    yield report.ok("CAA records let Amazon issue certificates, or there are none")
