"""The settings of a shop where money is real."""

LIVE = {
    "RANDO_ENV": "production",
    "SECRET_KEY": "f" * 20 + "0123456789abcdef",
    "RANDO_TOTP_SECRET": "t" * 20 + "0123456789abcdef",
    "SECURITY_PASSWORD_SALT": "s" * 20 + "0123456789abcdef",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef0123456789abcdef",
    "RANDO_BASE_URL": "https://rando.example",
    "RANDO_SELLER": "Example Ltd",
    "RANDO_CONTACT": "help@rando.example",
}
