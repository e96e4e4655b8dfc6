"""Tokens, keys, who I am, and the policy."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from app.auth import policy, repository
from app.auth.dependencies import AnyCaller, Bearer, Session
from app.auth.schemas import (
    AccessPolicy,
    Introspection,
    IntrospectionRequest,
    KeySet,
    Me,
    PasswordChange,
    PublicKey,
    RevocationRequest,
    ServerMetadata,
    TokenRequest,
    TokenResponse,
)
from app.auth.scopes import SCOPES
from app.auth.service import InvalidClient, TokenService, UnsupportedGrant
from app.core import errors as e
from app.core.limits import Budget
from app.core.routing import answers, counts_as, may_answer, router

tokens = router("/v1/auth", tag="identity")
identity = router("/v1", tag="identity")
well_known = router("/.well-known", tag="identity")


@answers(e.INVALID_GRANT, e.UNSUPPORTED_GRANT, e.INVALID_SCOPE, e.INVALID_CLIENT)
async def get_tokens(request: Request) -> TokenService:
    service: TokenService = request.app.state.tokens
    return service


Tokens = Annotated[TokenService, Depends(get_tokens)]


CLIENT_METHODS = ["client_secret_basic", "client_secret_post"]
# Counted apart and by address: here nobody is known yet, and a wrong password must cost the guesser.
OF_TOKENS = [counts_as(Budget.TOKEN)]


@tokens.post("/token", response_model=TokenResponse, summary="Get an access token", dependencies=OF_TOKENS)
async def issue_token(service: Tokens, request: Request, form: Annotated[TokenRequest, Form()]) -> TokenResponse:
    """Grants: `password` (a person, with a refresh token), `client_credentials` (another system; by HTTP Basic
    or in the form), `refresh_token` (each is used once; a second use ends the login).

    Access tokens are signed (ES256, RFC 9068), live 15 minutes, and stop at once when your rights change.
    """
    match form.grant_type:
        case "password":
            return await service.by_password(form)
        case "client_credentials":
            client_id, secret = _client_credentials(request, form)
            return await service.by_client(client_id, secret, form.scope)
        case "refresh_token":
            return await service.by_refresh(form)
        case _:
            raise UnsupportedGrant


@tokens.post("/revoke", status_code=200, response_class=Response, summary="Log out", dependencies=OF_TOKENS)
async def revoke_token(service: Tokens, form: Annotated[RevocationRequest, Form()]) -> Response:
    """End the login that the token belongs to (RFC 7009): its refresh token and its access tokens. An unknown
    token is answered the same."""
    await service.revoke(form.token)
    return Response(status_code=200)


@tokens.post(
    "/introspect",
    response_model_exclude_none=True,
    summary="Ask about a token",
    dependencies=OF_TOKENS,
)
async def introspect_token(
    service: Tokens, request: Request, form: Annotated[IntrospectionRequest, Form()]
) -> Introspection:
    """For another system about its own access token (RFC 7662): whether it is accepted now, for what, and until when.
    Of every other token, a person's or one that never was, the answer is `{"active": false}` and no more."""
    client_id, secret = _client_credentials(request, form)
    return await service.introspect(client_id, secret, form.token)


@well_known.get("/jwks.json", summary="The public signing keys")
async def get_jwks(service: Tokens, response: Response) -> KeySet:
    """RFC 7517. Keys of tokens that are still valid, the one in use among them."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return KeySet(keys=[PublicKey.model_validate(key.jwk()) for key in await service.keys.public_keys()])


@well_known.get("/oauth-authorization-server", summary="Server metadata")
async def get_server_metadata(service: Tokens) -> ServerMetadata:
    """RFC 8414: where the token routes are and what they support."""
    base = service.codec.issuer
    grants = ["client_credentials", "refresh_token"]
    return ServerMetadata(
        issuer=base,
        token_endpoint=f"{base}/v1/auth/token",
        revocation_endpoint=f"{base}/v1/auth/revoke",
        introspection_endpoint=f"{base}/v1/auth/introspect",
        jwks_uri=f"{base}/.well-known/jwks.json",
        grant_types_supported=["password", *grants] if service.settings.password_grant else grants,
        token_endpoint_auth_methods_supported=CLIENT_METHODS,
        introspection_endpoint_auth_methods_supported=CLIENT_METHODS,
        response_types_supported=[],
        scopes_supported=list(SCOPES),
    )


@identity.get("/me", summary="Who I am and what I may do")
async def get_me(caller: AnyCaller, session: Session) -> Me:
    """Person or client, roles, scopes in effect, and for each missing scope the reason."""
    person = None if caller.is_client else await repository.person_with_account(session, caller.id)
    return policy.me(caller, person)


@identity.post("/me/password", status_code=204, summary="Change my password", dependencies=[may_answer(e.NOT_FOUND)])
async def change_my_password(claims: Bearer, service: Tokens, change: PasswordChange) -> Response:
    """Every other login of yours ends with it. At least ten characters of three kinds, or sixteen of any.
    404 for who has no account."""
    await service.change_password(claims, change)
    return Response(status_code=204)


@identity.get("/access-policy", summary="Scopes, roles and table classes")
async def get_access_policy(_caller: AnyCaller) -> AccessPolicy:
    """Generated from the code that enforces it: what each scope and role means, and which class each table has."""
    return policy.access_policy()


def _client_credentials(request: Request, form: TokenRequest | IntrospectionRequest) -> tuple[str | None, str | None]:
    """HTTP Basic (RFC 6749 §2.3.1), else the form. Both at once is refused."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.client_id, form.client_secret
    try:
        client_id, separator, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient from error
    if not separator or form.client_secret is not None:
        raise InvalidClient
    return client_id, secret
