"""The article's way to sell a number, written anew: read the credits, subtract one, commit.

It is what people build by hand, and what ``./dev bench spend`` measures ours against. It
also gives out more numbers than were paid for when two requests read at the same time.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime

from flask import Flask, Response, jsonify
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey
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


app = Flask(__name__)
app.config.update(SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"], SECRET_KEY="benchmark")
db = SQLAlchemy(app, metadata=Base.metadata)
login = LoginManager(app)


@login.user_loader  # type: ignore[untyped-decorator]
def load_user(user_id: str) -> User | None:
    return db.session.get(User, int(user_id))


@app.post("/login/<int:user_id>")
def sign_in(user_id: int) -> Response:
    login_user(db.session.get_one(User, user_id))
    return jsonify(status="SUCCESS")


@app.get("/api/v1/number/")
@login_required  # type: ignore[untyped-decorator]
def random_number() -> Response:
    if current_user.account_credits > 0:
        number = Number(value=random.randrange(0, 9), created_at=datetime.now(UTC), user_id=current_user.id)
        current_user.account_credits -= 1
        db.session.add(number)
        db.session.commit()
        return jsonify(number=number.value, status="SUCCESS")
    return jsonify(status="FAILURE")


def prepare(customers: int, credits: int) -> None:
    """Make the tables anew, and as many users with as many credits."""
    with app.app_context():
        db.drop_all()
        db.create_all()
        db.session.add_all(User(id=i, account_credits=credits) for i in range(1, customers + 1))
        db.session.commit()
