"""What a customer buys once, with which card, and money that is refunded. Imports payments and plans."""
