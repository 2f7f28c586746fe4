"""The operator's pages. They import the reports, and the frame and forms that every page has."""
