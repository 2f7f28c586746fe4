"""The commands of ``flask prepaid``.

Imports ``config``, ``gateway``, ``operations``, ``payments``, ``purchases``, ``reports``, ``upgrade``, and
what all may import: ``context``, ``errors``, ``money``, ``signals``. Never a page.
"""
