"""What usage and agreements come to: charges rated, fees, commitments, discounts and credit."""
