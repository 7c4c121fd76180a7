"""What the two servers that the tests share read from their environment."""

MIB = 2**20

MAX_SIZE = 8 * MIB
IDLE_SECONDS = 2
MAX_PARTS = 20
ORIGIN = "https://app.example.org"

LIMITS = {  # small, so as to be reached
    "MAX_UPLOAD_BYTES": str(MAX_SIZE),
    "UPLOAD_IDLE_SECONDS": str(IDLE_SECONDS),
    "MAX_CONCAT_PARTS": str(MAX_PARTS),
    "CORS_ALLOWED_ORIGINS": f"{ORIGIN},https://other.example.org:8443",
}
OTHERS = {  # with the default limits, behind a proxy
    "UPLOAD_EXPIRES_HOURS": "3",
    "TRUST_FORWARDED_PROTO": "True",
    "TRUST_FORWARDED_HOST": "True",
    "ALLOWED_HOSTS": "127.0.0.1,files.example.org",
}
