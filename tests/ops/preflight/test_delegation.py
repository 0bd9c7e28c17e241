"""What public DNS says of the domain, asked of a real server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from ops.preflight import certificates, delegation
from ops.preflight.delegation import check, check_zone
from ops.preflight.result import Verdict
from stacks.environment import Environment
from tests.ops.preflight.conftest import Deploy
from tests.ops.preflight.sites import changed, failed, found, local_site, resource, site, stack
from tests.ops.types.conftest import LocalAws

DOMAIN = "riches.dev"
HOME = "us-east-1"
ROOT = (".", "NS")
Zone = dict[tuple[str, str], list[str]]


class Server:
    """A name server that knows what ``zone`` holds; every other name does not exist."""

    def __init__(self) -> None:
        self.zone: Zone = {ROOT: ["a.root-servers.net."]}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            wire, client = self.socket.recvfrom(4096)
            if not wire:
                return
            self.socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text(omit_final_dot=question.name != dns.name.root)
        records = self.zone.get((name, kind))
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def stop(self) -> None:
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], made.port
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    yield made
    made.stop()


@pytest.fixture
def owned() -> Environment:
    """The local environment, as if its domain were public."""
    return changed("local", edge={"certificate": True}).model_copy(update={"domain": DOMAIN})


@pytest.fixture
def hosted(local_aws: LocalAws) -> Iterator[Callable[[str], str]]:
    """Makes zones that are not the environment's."""
    route53 = local_aws.client("route53")
    made: list[str] = []

    def create(name: str) -> str:
        whole = route53.create_hosted_zone(Name=name, CallerReference=f"{name}-{len(made)}")["HostedZone"][
            "Id"
        ]
        made.append(whole.rsplit("/", 1)[-1])
        return made[-1]

    yield create
    for each in made:
        route53.delete_hosted_zone(Id=each)


def zone() -> dict[str, object]:
    return resource("AWS::Route53::HostedZone", Name=f"{DOMAIN}.")


def test_reserved_domain_can_never_be_delegated() -> None:
    (result,) = failed(check, site())
    assert result.said == "richesreach.example can never be delegated: .example is reserved"


def test_environment_without_certificates_waits_for_no_dns() -> None:
    assert failed(check, site(environment=changed(edge={"certificate": False}))) == []


def test_domain_that_no_parent_delegates_names_the_steps(server: Server, owned: Environment) -> None:
    (result,) = failed(check, site(environment=owned))
    assert result.said == f"no parent of {DOMAIN} delegates it"
    assert "deploy richesreach-local-us-east-1-dns" in result.mend


def test_without_public_dns_nothing_is_said(server: Server, owned: Environment) -> None:
    del server.zone[ROOT]
    (result,) = found(check, site(environment=owned))
    assert result.verdict is Verdict.UNKNOWN


def test_without_credentials_the_zones_servers_are_unknown(server: Server, owned: Environment) -> None:
    server.zone[DOMAIN, "NS"] = ["ns-1.elsewhere.net."]
    (result,) = found(check, site(environment=owned))
    assert result.verdict is Verdict.UNKNOWN
    assert "ns-1.elsewhere.net" in result.said


def test_delegation_to_the_zones_servers_is_fine(deploy: Deploy, server: Server, owned: Environment) -> None:
    made = stack({"Zone": zone()}, "dns", HOME)
    deploy(made)
    of = local_site(made, environment=owned)
    server.zone[DOMAIN, "NS"] = [f"{name}." for name in delegation.name_servers(of) or ()]
    assert [each.said for each in found(check, of)] == [f"{DOMAIN} is delegated to its zone"]


def test_delegation_to_other_servers_is_found(deploy: Deploy, server: Server, owned: Environment) -> None:
    made = stack({"Zone": zone()}, "dns", HOME)
    deploy(made)
    server.zone[DOMAIN, "NS"] = ["ns-1.elsewhere.net."]
    (result,) = failed(check, local_site(made, environment=owned))
    assert "is delegated to ns-1.elsewhere.net, its zone is on" in result.said


def test_second_zone_of_the_domain_is_found(owned: Environment, hosted: Callable[[str], str]) -> None:
    other = hosted(DOMAIN)
    (result,) = failed(check_zone, local_site(stack({"Zone": zone()}, "dns", HOME), environment=owned))
    assert result.said == f"the account has another public zone of {DOMAIN}: {other}"
    assert f"hosted_zone_id: {other}" in result.mend


def test_the_environments_own_zone_is_no_second_one(deploy: Deploy, owned: Environment) -> None:
    made = stack({"Zone": zone()}, "dns", HOME)
    deploy(made)
    assert failed(check_zone, local_site(made, environment=owned)) == []


@pytest.mark.usefixtures("local_aws")
def test_imported_zone_that_does_not_exist_is_found(owned: Environment) -> None:
    imported = owned.model_copy(update={"hosted_zone_id": "Z0123456789ABCDEFGHIJ"})
    (result,) = failed(check_zone, local_site(environment=imported))
    assert result.said == "there is no zone Z0123456789ABCDEFGHIJ"


@pytest.mark.parametrize(("name", "fits"), [(DOMAIN, True), ("other.dev", False)])
def test_imported_zone_is_that_of_the_domain(
    owned: Environment, hosted: Callable[[str], str], name: str, fits: bool
) -> None:
    imported = owned.model_copy(update={"hosted_zone_id": hosted(name)})
    assert (failed(check_zone, local_site(environment=imported)) == []) is fits


def test_domain_whose_records_let_amazon_issue_is_fine(server: Server, owned: Environment) -> None:
    server.zone[DOMAIN, "CAA"] = ['0 issue "amazon.com"']
    assert failed(certificates.check_authorities, site(environment=owned)) == []


def test_domain_without_such_records_is_fine(server: Server, owned: Environment) -> None:
    assert failed(certificates.check_authorities, site(environment=owned)) == []


def test_record_above_that_lets_only_others_issue_is_found(server: Server, owned: Environment) -> None:
    server.zone[DOMAIN, "CAA"] = ['0 issue "letsencrypt.org"']
    below = owned.model_copy(update={"domain": f"staging.{DOMAIN}"})
    (result,) = failed(certificates.check_authorities, site(environment=below))
    assert result.said == f"CAA records of {DOMAIN} let only letsencrypt.org issue certificates"
