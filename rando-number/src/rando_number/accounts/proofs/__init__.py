"""Whose an address is: the links of mails, and what ends when it is proved. Part of ``accounts``."""
