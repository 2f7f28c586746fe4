"""The article's way to sell a number, written anew: read the credits, subtract one, commit.

It is what people build by hand, and what ``./dev bench spend`` measures ours against. It
also gives out more numbers than were paid for when two requests read at the same time.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime

from flask import Flask, Response, jsonify
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_required
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(UserMixin, Base):  # type: ignore[misc]
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_credits: Mapped[int] = mapped_column(default=0)


class Number(Base):
    __tablename__ = "numbers"

    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int]
    created_at: Mapped[datetime]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


db = SQLAlchemy(metadata=Base.metadata)
login = LoginManager()


def create_app(url: str | None = None) -> Flask:
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=url or os.environ["DATABASE_URL"], SECRET_KEY="benchmark")
    db.init_app(app)
    login.init_app(app)
    app.add_url_rule("/api/v1/number/", view_func=random_number)
    return app


@login.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    return db.session.get(User, int(user_id))


@login_required  # type: ignore[untyped-decorator]
def random_number() -> Response:
    if current_user.account_credits > 0:
        number = Number(value=random.randrange(0, 9), created_at=datetime.now(UTC), user_id=current_user.id)
        current_user.account_credits -= 1
        db.session.add(number)
        db.session.commit()
        return jsonify(number=number.value, status="SUCCESS")
    return jsonify(status="FAILURE")


def prepare(url: str, customers: int, credits: int) -> list[dict[str, str]]:
    """Make the tables, and as many users with as many credits; the headers of each, signed in."""
    app = create_app(url)
    with app.app_context():
        db.create_all()
        db.session.execute(
            insert(User), [{"id": i, "account_credits": credits} for i in range(1, customers + 1)]
        )
        db.session.commit()
        db.engine.dispose()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None, "the app has a secret key"
    cookies = [signer.dumps({"_user_id": str(i), "_fresh": True}) for i in range(1, customers + 1)]
    return [{"Cookie": f"session={cookie}"} for cookie in cookies]
