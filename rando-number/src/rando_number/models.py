"""The app's own tables. Credits, payments and Stripe's ids are Flask-Prepaid's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import current_app
from flask_security import RoleMixin, UserMixin, WebAuthnMixin
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_prepaid import Payment

from .columns import Base, UnlessUsual, utc_now
from .extensions import db, prepaid
from .owners import owner_of, user_id_of

#: The bounds of a number where a call names none.
LOW, HIGH = 0, 9

#: Which numbers are a user's.
OF_USER = "foreign(Number.user_id) == User.id"


user_roles = Table(
    "user_roles",
    Base.metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("role_id", ForeignKey("roles.id"), primary_key=True),
)


def shop_now() -> datetime:
    """By the clock of credits, which in test mode is the emulator's. Signing in goes by the machine's."""
    return prepaid.clock()


class Role(Base, RoleMixin):
    """What a user may do beyond being a customer: ``support``, ``finance`` or ``admin``."""

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None]


class User(Base, UserMixin):
    """Somebody who registered. The wallet is found by ``owner``.

    ``tf_last_counter`` is the time step of the last one-time code that was taken: no code
    at or before it is taken again. An account that was closed keeps its row for the ledger's
    sake, with nothing personal in it. ``version`` counts the row's changes: one that was begun on an
    earlier version is refused with ``StaleDataError``.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=shop_now)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None]
    tf_phone_number: Mapped[str | None] = mapped_column(String(128))
    tf_last_counter: Mapped[int | None]
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(JSON()))
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(String(64))  # type: ignore[assignment]
    closed_at: Mapped[datetime | None]
    language: Mapped[str | None] = mapped_column(String(35))
    version: Mapped[int] = mapped_column(server_default="1")
    roles: Mapped[list[Role]] = relationship(secondary=user_roles)  # type: ignore[assignment]
    numbers: Mapped[list[Number]] = relationship(
        back_populates="user", primaryjoin=OF_USER, order_by="Number.id", viewonly=True
    )
    webauthn: Mapped[list[Passkey]] = relationship(  # type: ignore[assignment]
        order_by="Passkey.id", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}

    @property
    def owner(self) -> str:
        """The name of this user's wallet."""
        return owner_of(self.id)

    @property
    def is_unproven(self) -> bool:
        """Whether the address may be somebody else's: nobody has opened a link from its mailbox yet."""
        return bool(current_app.config["SECURITY_CONFIRMABLE"]) and self.confirmed_at is None

    @property
    def sign_ins(self) -> int:
        """In how many browsers this user is signed in."""
        return db.session.scalar(select(func.count()).where(SignIn.user_id == self.id)) or 0

    @property
    def account_credits(self) -> int:
        """What the wallet holds now."""
        return prepaid.balance(self.owner)

    @property
    def stripe_id(self) -> str | None:
        """The customer at Stripe, ``cus_...``; ``None`` before the first purchase."""
        return prepaid.customer_id(self.owner)

    @property
    def purchases(self) -> list[Payment]:
        """What was paid for or tried to, newest first."""
        newest_first = select(Payment).where(Payment.owner == self.owner).order_by(Payment.id.desc())
        return list(db.session.scalars(newest_first))


def user_of(owner: str) -> User | None:
    """The user whose wallet this is, if there is one."""
    user_id = user_id_of(owner)
    return None if user_id is None else db.session.get(User, user_id)


class Passkey(Base, WebAuthnMixin):
    """The public half of a key that a customer's phone, laptop or stick keeps.

    ``usage`` is ``first`` where it signs in alone, ``secondary`` on top of the password.
    ``answered`` is the time of the latest challenge that it has answered.
    """

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    usage: Mapped[str] = mapped_column(String(16))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[str] | None] = mapped_column(JSON)
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(String(64))
    extensions: Mapped[str | None]
    answered: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    lastuse_datetime: Mapped[datetime]

    __mapper_args__ = {"confirm_deleted_rows": False}  # another press may have removed it


class Number(Base):
    """What one call drew and paid for: one number, or up to 10,000 at once.

    ``id`` names the sale, and is the ledger's key of its spend. It begins with the time, so that the newest
    come first. ``api_key_id`` is the key that asked, ``None`` this site. What ``user_id`` refers to
    a trigger keeps: a foreign key would lock the user's row for each number, and PostgreSQL log that lock.
    """

    __tablename__ = "numbers"

    user_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    api_key_id: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]
    low: Mapped[int] = mapped_column(UnlessUsual(LOW), nullable=True)
    high: Mapped[int] = mapped_column(UnlessUsual(HIGH), nullable=True)
    charged: Mapped[int] = mapped_column(SmallInteger)
    id: Mapped[str] = mapped_column(String(17), primary_key=True)
    values: Mapped[list[int]] = mapped_column(JSON)
    user: Mapped[User] = relationship(back_populates="numbers", primaryjoin=OF_USER, viewonly=True)

    @property
    def value(self) -> int:
        """The number, or the first of several."""
        return self.values[0]


class SignIn(Base):
    """One browser that is signed in. Its cookie names this row; without the row it is worth nothing."""

    __tablename__ = "sign_ins"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(200))


def end_sign_ins(user_id: int, *which: ColumnElement[bool]) -> list[str]:
    """End the sign-ins of a user, or ``which`` of them; their digests. The caller commits.

    What they are just changing of the account is not taken: it has a new version from here on.
    """
    db.session.execute(update(User).where(User.id == user_id).values(version=User.version + 1))
    ended = delete(SignIn).where(SignIn.user_id == user_id, *which).returning(SignIn.digest)
    return list(db.session.scalars(ended))


class ResetLink(Base):
    """A link for a new password that was mailed and still works, by a digest of its token."""

    __tablename__ = "reset_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)


class FormPress(Base):
    """What a form of the account has done, kept for a moment in which it may be pressed a second time.

    ``digest`` is a keyed one of the form and all that it sends. ``news`` is what the page says that it
    ``leads_to``. ``ends``: it has ended the sign-in under which it was sent. ``user_id``: it has signed in
    that user anew, whose row had ``user_version`` then.
    """

    __tablename__ = "form_presses"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    leads_to: Mapped[str] = mapped_column(Text)
    news: Mapped[list[list[str]]] = mapped_column(JSON)
    ends: Mapped[bool]
    user_id: Mapped[int | None]
    user_version: Mapped[int | None]


class Welcomed(Base):
    """A mailbox that has had its free credits, by a keyed digest. It outlives the account."""

    __tablename__ = "welcomed"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class Action(StrEnum):
    """What the audit log keeps."""

    REGISTERED = "registered"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGED = "email_changed"
    ADDRESS_CONFIRMED = "address_confirmed"
    SECOND_FACTOR_SET = "second_factor_set"
    SECOND_FACTOR_OFF = "second_factor_off"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    SIGN_IN_ENDED = "sign_in_ended"
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    LIMIT_SET = "limit_set"
    ALERT_SET = "alert_set"
    WEBHOOK_SET = "webhook_set"
    DATA_EXPORTED = "data_exported"
    ACCOUNT_CLOSED = "account_closed"
    OPERATED = "operated"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"


class AuditLine(Base):
    """Who did what, when, from where. The log only grows: the database refuses the rest."""

    __tablename__ = "audit_lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    action: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
