"""What a card's bank says as it refuses. https://docs.stripe.com/declines/codes"""

from __future__ import annotations

#: The field of a card that its bank's refusal is about.
PARAMS = {"expired_card": "exp_month", "incorrect_cvc": "cvc"}

#: decline_code or code -> what the cardholder reads.
MESSAGES = {
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently or"
    " exceeding its amount limit.",
    "generic_decline": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}

#: What customers read who do not pass their bank's challenge.
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method."
    " Please choose a different payment method and try again."
)
