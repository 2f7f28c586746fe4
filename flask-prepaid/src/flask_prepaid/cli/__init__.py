"""The commands of ``flask prepaid``. They import the domain and the reports, never a page."""
