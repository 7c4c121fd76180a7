"""What can be metered: services and their definitions, in the admin and over HTTP."""
