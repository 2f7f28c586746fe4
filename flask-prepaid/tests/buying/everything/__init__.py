"""Everything against everything: each event that moves credits or money, in each state that it can meet."""
