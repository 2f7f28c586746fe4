"""What a customer buys once, cards, and money back."""
