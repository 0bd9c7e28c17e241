"""Who may do what: a Cognito user pool whose groups are the platform's roles."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from stacks.base import Site

#: Roles in tokens and API keys, weakest first, and what each may do.
ROLES = {
    "viewer": "reads market data, features, predictions and dashboards",
    "trader": "places and cancels orders besides",
    "admin": "changes configuration, keys and users besides",
    "service": "calls the platform from another system",
}

#: Identifier of the resource server: a machine's scope is ``richesreach/<role>``.
RESOURCE_SERVER = "richesreach"

_MFA = {"required": cognito.Mfa.REQUIRED, "optional": cognito.Mfa.OPTIONAL, "none": cognito.Mfa.OFF}

_PROTECTION = {
    "enforced": cognito.StandardThreatProtectionMode.FULL_FUNCTION,
    "audit": cognito.StandardThreatProtectionMode.AUDIT_ONLY,
    "none": cognito.StandardThreatProtectionMode.NO_ENFORCEMENT,
}


class Identity(Construct):
    """People sign in to ``web`` and get their groups; machines to ``service`` and get its scope.

    The platform's own services are ``neighbours``: their secret is given to nobody else.
    """

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.settings = site.environment.edge.identity
        self.pool = self._pool()
        for role, description in ROLES.items():
            cognito.CfnUserPoolGroup(
                self,
                f"Group-{role}",
                user_pool_id=self.pool.user_pool_id,
                group_name=role,
                description=description,
            )
        self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=site.names.sign_in_domain(site.account)
            ),
        )
        self.web = self._web_client()
        scope_, server = self._machines_scope()
        self.service = self._machine_client("Service", "service", server, scope_)
        self.neighbours = self._machine_client("Neighbours", "neighbours", server, scope_)

    @property
    def issuer(self) -> str:
        """``iss`` of every token."""
        return f"https://cognito-idp.{self.site.region}.amazonaws.com/{self.pool.user_pool_id}"

    @property
    def token_url(self) -> str:
        """Where machines ask for their tokens."""
        prefix = self.site.names.sign_in_domain(self.site.account)
        return f"https://{prefix}.auth.{self.site.region}.amazoncognito.com/oauth2/token"

    def _pool(self) -> cognito.UserPool:
        """The feature plan Plus is what threat protection needs."""
        protected = self.settings.threat_protection != "none"
        return cognito.UserPool(
            self,
            "Pool",
            user_pool_name=self.site.names.prefix,
            self_sign_up_enabled=self.settings.self_sign_up,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True)
            ),
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                password_history_size=5 if protected else None,
                temp_password_validity=cdk.Duration.days(1),
            ),
            mfa=_MFA[self.settings.mfa],
            # A text message can be redirected; an authenticator app cannot.
            mfa_second_factor=None
            if self.settings.mfa == "none"
            else cognito.MfaSecondFactor(sms=False, otp=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.PLUS if protected else cognito.FeaturePlan.ESSENTIALS,
            standard_threat_protection_mode=_PROTECTION[self.settings.threat_protection]
            if protected
            else None,
            deletion_protection=self.site.environment.protect,
            removal_policy=self.site.removal_policy,
        )

    def _web_client(self) -> cognito.UserPoolClient:
        """A public client: the dashboards hold no secret, so they prove themselves by PKCE or SRP."""
        site = f"https://{self.site.environment.domain}"
        return self.pool.add_client(
            "Web",
            user_pool_client_name=f"{self.site.names.prefix}-web",
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            auth_flows=cognito.AuthFlow(user_srp=True, user_password=self.settings.password_sign_in),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[
                    cognito.OAuthScope.OPENID,
                    cognito.OAuthScope.EMAIL,
                    cognito.OAuthScope.COGNITO_ADMIN,
                ],
                callback_urls=[f"{site}/auth/callback"],
                logout_urls=[f"{site}/"],
            ),
            access_token_validity=cdk.Duration.minutes(self.settings.access_token_minutes),
            id_token_validity=cdk.Duration.minutes(self.settings.access_token_minutes),
            refresh_token_validity=cdk.Duration.days(1),
        )

    def _machines_scope(self) -> tuple[cognito.ResourceServerScope, cognito.UserPoolResourceServer]:
        scope = cognito.ResourceServerScope(scope_name="service", scope_description=ROLES["service"])
        server = self.pool.add_resource_server(
            "ResourceServer",
            identifier=RESOURCE_SERVER,
            user_pool_resource_server_name=self.site.names.prefix,
            scopes=[scope],
        )
        return scope, server

    def _machine_client(
        self,
        construct_id: str,
        name: str,
        server: cognito.UserPoolResourceServer,
        scope: cognito.ResourceServerScope,
    ) -> cognito.UserPoolClient:
        """Client credentials: a system has no user, its one scope is the role."""
        return self.pool.add_client(
            construct_id,
            user_pool_client_name=f"{self.site.names.prefix}-{name}",
            generate_secret=True,
            enable_token_revocation=True,
            auth_flows=cognito.AuthFlow(),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, scope)],
            ),
            access_token_validity=cdk.Duration.minutes(self.settings.access_token_minutes),
        )
