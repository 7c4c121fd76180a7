"""The limits of the server that the tests share, in its environment: small, so as to be reached."""

MIB = 2**20

MAX_SIZE = 8 * MIB
IDLE_SECONDS = 2
MAX_PARTS = 20
ORIGIN = "https://app.example.org"

LIMITS = {
    "MAX_UPLOAD_BYTES": str(MAX_SIZE),
    "UPLOAD_IDLE_SECONDS": str(IDLE_SECONDS),
    "MAX_CONCAT_PARTS": str(MAX_PARTS),
    "CORS_ALLOWED_ORIGINS": f"{ORIGIN},https://other.example.org:8443",
}
