"""The web ACL of a distribution, as far as it can be decided on this machine.

Rules are taken in order of priority. One that needs what is not here (a managed rule group, the body, a
challenge) is counted as not evaluated and lets the request pass: AWS may block what passes locally.
Sources: "Rules", "Rule statements" and "Rate-based rules" of the AWS WAF developer guide.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from multidict import CIMultiDict

from ops.local.edge import answers
from ops.local.edge.answer import ERROR, Answer
from ops.local.edge.exchange import Exchange
from ops.local.edge.firewall_config import AclRule, Sets, WebAcl
from ops.local.edge.firewall_statements import Inspected, Verdict, match
from ops.local.edge.log import log

TRACKED = 10_000
"""Addresses that one rate-based rule keeps count of."""


class RateCounter:
    """Requests of the last `window` seconds by aggregation key."""

    def __init__(self, limit: int, window: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def exceeded(self, key: str) -> bool:
        """Count one request; true when there were more than the limit. AWS notices within half a minute."""
        now = self._clock()
        if len(self._seen) > TRACKED:
            self._seen.clear()
        seen = self._seen[key]
        seen.append(now)
        while seen[0] < now - self._window:
            seen.popleft()
        while len(seen) > self._limit + 1:
            seen.popleft()
        return len(seen) > self._limit


class Firewall:
    """Applies web ACLs. `acls` by ARN and `sets` are what is deployed; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.acls: Mapping[str, WebAcl] = {}
        self.sets = Sets()
        self._clock = clock
        self._rates: dict[tuple[str, str, int, float], RateCounter] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def configure(self, acls: Mapping[str, WebAcl], sets: Sets) -> None:
        """Take new web ACLs; counters of unchanged rate-based rules go on."""
        self.acls, self.sets = acls, sets
        for rule, reason in self.not_evaluated().items():
            log("waf_not_evaluated_locally", rule=rule, reason=reason)

    def not_evaluated(self) -> dict[str, str]:
        """Rules that this machine cannot decide, each with the part that it lacks."""
        found = {
            f"{acl.name}/{rule.name}": rule.undecidable for acl in self.acls.values() for rule in acl.rules
        }
        return {name: reason for name, reason in found.items() if reason}

    def report(self) -> dict[str, Any]:
        """What happened by rule, and what could not be evaluated."""
        by_rule: dict[str, dict[str, int]] = {}
        for (rule, what), count in sorted(self._counts.items()):
            by_rule.setdefault(rule, {})[what] = count
        return {"rules": by_rule, "not_evaluated_locally": self.not_evaluated()}

    def inspect(self, exchange: Exchange) -> Answer | None:
        """CloudFront's answer to a request that a rule blocks; None for one that may pass."""
        acl = self.acls.get(exchange.distribution.web_acl)
        if acl is None:
            return None
        request = exchange.request
        path, _, query = request.raw_path.partition("?")
        seen = Inspected(
            method=request.method,
            path=path,
            query=query,
            headers=CIMultiDict(request.headers),
            source=exchange.client,
            country=exchange.place.country,
            sets=self.sets,
        )
        for rule in acl.rules:
            outcome = self._apply(acl, rule, seen)
            if outcome == "allow":
                return None
            if outcome == "block":
                return self._blocked(exchange, acl, rule.block, f"{acl.name}/{rule.name}")
        if acl.blocks_by_default:
            return self._blocked(exchange, acl, acl.default_block, f"{acl.name}/default")
        return None

    def _apply(self, acl: WebAcl, rule: AclRule, seen: Inspected) -> str:
        """`allow`, `block`, or empty where the next rule decides."""
        name = f"{acl.name}/{rule.name}"
        verdict = self._rated(name, rule, seen) if rule.rate is not None else match(rule.statement, seen)
        if verdict is Verdict.UNKNOWN:
            self._counts[name, "not_evaluated_locally"] += 1
            return ""
        if verdict is Verdict.NO:
            return ""
        seen.labels.update(rule.labels)
        self._counts[name, rule.action] += 1
        return rule.action if rule.action in {"allow", "block"} else ""

    def _rated(self, name: str, rule: AclRule, seen: Inspected) -> Verdict:
        rate = rule.rate
        if rate is None or not rate.decidable:
            return Verdict.UNKNOWN
        scope = match(rate.scope, seen) if rate.scope else Verdict.YES
        if scope is not Verdict.YES:
            return scope
        key = (name, rate.aggregate, rate.limit, rate.window)
        counter = self._rates.setdefault(key, RateCounter(rate.limit, rate.window, self._clock))
        who = seen.source if rate.aggregate == "IP" else "*"
        return Verdict.YES if counter.exceeded(who) else Verdict.NO

    def _blocked(self, exchange: Exchange, acl: WebAcl, block: Mapping[str, Any], rule: str) -> Answer:
        log("waf_blocked", id=exchange.id, rule=rule, source=exchange.client)
        custom = block.get("CustomResponse") or {}
        if not custom:
            return answers.error(403, f"Request blocked by the web ACL ({rule}).", exchange.id)
        given = custom.get("ResponseHeaders") or ()
        headers = CIMultiDict((header["Name"], header["Value"]) for header in given)
        body = acl.bodies.get(custom.get("CustomResponseBodyKey", ""), {})
        kinds = {"APPLICATION_JSON": "application/json", "TEXT_HTML": "text/html", "TEXT_PLAIN": "text/plain"}
        if body:
            headers["Content-Type"] = kinds[body["ContentType"]]
        content = str(body.get("Content", "")).encode()
        return Answer(int(custom["ResponseCode"]), headers, content, cache=ERROR, generated=True)
