"""Random lives, in which features meet: each step in the shop, and in a model that imports nothing of ours.

``steps`` draws a life, ``world`` lives it, ``model`` says what must come of it, ``compare`` compares the two,
``shorten`` makes a life that went wrong short, and ``defects`` are mistakes that lives have to find.
"""
