"""Users of a store (a region's own cache, or the datastore): who may do what, by role-based access control.

The ``default`` user, whom a client is that gives no name, is off. ``app`` is the services': data, scripts,
transactions and channels, and nothing that could read or lose a server. ``admin`` is for people.
Access strings are those of Redis' ACL, as ElastiCache takes them ("Role-Based Access Control").
"""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_elasticache as elasticache
from constructs import Construct

from stacks.base import Site
from stacks.environment import Environment
from stacks.global_db.credentials import generated, password_of

ENGINE = "valkey"
APP, ADMIN = "app", "admin"

#: ``info`` is among the dangerous commands; a service asks it for the role of its node. ``time`` is in no
#: category of these; limits are counted by the server's clock.
ACCESS = {
    APP: (
        "on ~* &* -@all +@read +@write +@connection +@transaction +@scripting +@pubsub +time"
        " -@dangerous +info"
    ),
    ADMIN: "on ~* &* +@all",
}
NOBODY = "off ~* -@all"

Store = Literal["cache", "global"]

#: What the names of a store's secrets begin with.
SECRETS: dict[Store, str] = {"cache": "cache", "global": "global-cache"}


def shared_store(environment: Environment) -> Store:
    """Where sessions and flags are: in the datastore; where there is none, in the one region's own cache."""
    return "global" if environment.datastore_regions else "cache"


def secret_name(store: Store, user: str) -> str:
    """Name of a user's secret within the environment: ``cache/app``, ``global-cache/admin``, ...

    No name is the beginning of another: a secret is also found by its ARN without the end that AWS generates.
    """
    return f"{SECRETS[store]}/{user}"


class DefaultUser(Construct):
    """Who gives no name is refused, in every user group of the region.

    ElastiCache admits to a Valkey group only users that authenticate: this one has a password that nobody
    knows, and is off.
    """

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        name = secret_name("cache", "default")
        generated(
            self,
            "Secret",
            site=site,
            name=name,
            description="Never used: a user of ElastiCache must have a password, even one that is off",
            fields={"username": "default"},
            replicated=False,
        )
        self.user = elasticache.CfnUser(
            self,
            "User",
            engine=ENGINE,
            user_id=site.names.cache_user("cache", "default"),
            user_name="default",
            access_string=NOBODY,
            authentication_mode={
                "Type": "password",
                "Passwords": [password_of(site, name)],
            },
        )
        self.user.node.add_dependency(self.node.find_child("Secret"))


class StoreUsers(Construct):
    """The user group of one store in one region, with its users.

    A region's own cache has passwords of its own. The datastore's are made in the home region and replicated:
    a service writes to the member of another region under the same name.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, store: Store, default: DefaultUser
    ) -> None:
        super().__init__(scope, construct_id)
        users = [self._user(site, store, user) for user in ACCESS]
        self.group = elasticache.CfnUserGroup(
            self,
            "Group",
            engine=ENGINE,
            user_group_id=site.names.cache_users(store),
            user_ids=[default.user.ref, *(user.ref for user in users)],
        )

    @property
    def group_id(self) -> str:
        return self.group.ref

    def _user(self, site: Site, store: Store, user: str) -> elasticache.CfnUser:
        name = secret_name(store, user)
        identifier = site.names.cache_user(store, user)
        resource = elasticache.CfnUser(
            self,
            user.capitalize(),
            engine=ENGINE,
            user_id=identifier,
            user_name=user,
            access_string=ACCESS[user],
            authentication_mode={"Type": "password", "Passwords": [password_of(site, name)]},
        )
        if store == "cache" or site.is_home:
            secret = generated(
                self,
                f"{user.capitalize()}Secret",
                site=site,
                name=name,
                description=f"User {user} of {site.names.cache_users(store)}",
                # The form in which AWS' own rotation of a user names it.
                fields={
                    "username": user,
                    "user_arn": f"arn:aws:elasticache:{site.region}:{site.account}:user:{identifier}",
                },
                replicated=store == "global",
            )
            resource.node.add_dependency(secret)
        return resource
