"""Usage events as they are sent and copied, by workers that need no Django: see metering/."""
