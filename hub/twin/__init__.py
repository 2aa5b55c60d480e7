"""An executable, invented firm: the truth about it, what its systems say, and its people's edits."""
