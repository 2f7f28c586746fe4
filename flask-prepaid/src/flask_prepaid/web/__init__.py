"""The customer's pages, their mails and the webhook. They import the domain, never the extension."""
