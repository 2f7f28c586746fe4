"""The pages and the webhook. They know the domain; nothing of the domain knows them."""
