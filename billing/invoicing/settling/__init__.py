"""What comes after an invoice: payments, credit, credit notes, and corrections of what changed."""
