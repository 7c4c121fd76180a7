"""The metrics saga: what it reads from events, and how it folds that into hours and days."""
