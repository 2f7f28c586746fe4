"""What lets somebody into an account beside its password: sessions, API keys, passkeys, second factors."""

from __future__ import annotations

import secrets

from sqlalchemy import delete

from ..extensions import db, prepaid
from ..models import ResetLink, User, end_sign_ins


def has_any(user: User) -> bool:
    """Whether the account has a second factor, a passkey or an API key."""
    return bool(user.tf_primary_method or user.webauthn or prepaid.keys(user.owner))


def end_all(user: User) -> None:
    """End every way into an account, and each link that was mailed for it. The caller commits.

    A password stays as it is. The sign-ins go first: what they are just making is waited for, and then seen.
    """
    end_sign_ins(user.id)
    db.session.refresh(user)
    user.tf_primary_method = user.tf_totp_secret = user.tf_phone_number = user.mf_recovery_codes = None
    user.webauthn, user.fs_webauthn_user_handle = [], None
    end_reset_links(user.id)
    user.fs_uniquifier = secrets.token_hex(32)  # links and half-finished sign-ins name it
    prepaid.revoke_keys(user.owner)


def end_reset_links(user_id: int) -> None:
    """End the links that were mailed for a new password. The caller commits."""
    db.session.execute(delete(ResetLink).where(ResetLink.user_id == user_id))
