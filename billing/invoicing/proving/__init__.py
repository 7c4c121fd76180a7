"""Why an amount is what it is: verified from raw events, and explained line by line."""
