"""What a model says when the data cannot answer it."""


class NotIdentified(ArithmeticError):
    """The likelihood has no interior maximum, or too little information to have one."""


class TooCostly(NotIdentified):
    """The model could be fitted, but not within the stated cost; the reason names the limit."""
