"""How VAT tells what is sold apart: each class has rates of its own, which a legal entity keeps."""

STANDARD_CLASS = "standard"
EXEMPT_CLASS = "exempt"  # by law, whoever sells or buys it: it has no rate
