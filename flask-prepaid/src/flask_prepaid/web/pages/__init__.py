"""The customer's pages, a file for each subject, and the words on several of them. Part of ``web``."""
