"""What lets somebody into an account beside its password: sessions, API keys, passkeys, second factors."""

from __future__ import annotations

import secrets

from sqlalchemy import delete, update

from ..keys import api_keys
from ..models import ApiKey, SignIn, User, db, utc_now


def end_all(user: User) -> None:
    """End every way into an account, and each link that was mailed for it. The caller commits.

    A password stays as it is. After the commit, have ``api_keys.key_cache()`` forget what it knows.
    """
    user.tf_primary_method = user.tf_totp_secret = user.tf_phone_number = user.mf_recovery_codes = None
    user.webauthn, user.fs_webauthn_user_handle = [], None
    user.reset_digest = None
    user.fs_uniquifier = secrets.token_hex(32)  # links and half-finished sign-ins name it
    db.session.execute(delete(SignIn).where(SignIn.user_id == user.id))
    live = (ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
    db.session.execute(update(ApiKey).where(*live).values(revoked_at=utc_now()))
    api_keys.key_cache().forget()
